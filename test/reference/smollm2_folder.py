"""Makes a Hugging Face folder in float32 of a GGUF, dequantized by transformers, for vLLM to serve.

    python test/reference/smollm2_folder.py MODEL.gguf FOLDER
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

gguf, out = Path(sys.argv[1]), Path(sys.argv[2])
loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
# transformers does not save a model that it calls quantized: a new one takes its weights.
del loaded.config.quantization_config
model = LlamaForCausalLM(loaded.config).to(torch.float32)
model.load_state_dict(loaded.state_dict())
model.save_pretrained(out)
AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(out)
