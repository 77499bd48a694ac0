"""Greedy continuations without near ties."""

import torch
from transformers import GenerationConfig

from tiny_llama_rounding import ROUNDING_DRAWS, logits_of, rounding_errors

PROMPT_TOKENS = 16
GREEDY_TOKENS = 32
CONTINUATIONS = 3
# Prompts tried, and how many of those with the largest margins are looked at closely.
PROMPTS = 6000
FINALISTS = 60
# What every margin of a continuation must be, in standard deviations of what rounding does to it.
CLEAR_MARGIN = 5
# Tokens whose logits a margin is taken to.
RIVALS = 16


def clear_continuations(model, case, generator) -> list[dict]:
    """Greedy continuations of random prompts whose every margin is clear, those with the most different tokens first."""
    eos = model.config.eos_token_id
    prompts = torch.randint(0, model.config.bos_token_id, (PROMPTS, PROMPT_TOKENS), generator=generator)
    generated = model.generate(
        prompts,
        attention_mask=torch.ones_like(prompts),
        generation_config=GenerationConfig(
            do_sample=False,
            max_new_tokens=GREEDY_TOKENS,
            eos_token_id=None,
            pad_token_id=0,
            return_dict_in_generate=True,
            output_logits=True,
        ),
    )
    top2 = torch.stack(generated.logits, 1).topk(2, -1).values
    margins = (top2[..., 0] - top2[..., 1]).amin(-1)
    variety = torch.tensor([len(set(row)) for row in generated.sequences[:, PROMPT_TOKENS:].tolist()])
    without_eos = (generated.sequences != eos).all(-1)
    # Continuations that run in circles have the largest margins: let the others be finalists too.
    finalists = torch.cat([
        rows[margins[rows].argsort(descending=True)[:FINALISTS]]
        for rows in (torch.nonzero(without_eos & (variety >= least))[:, 0] for least in (6, 9, 12, 16))
    ]).unique()

    sequences = generated.sequences[finalists]
    steps = slice(PROMPT_TOKENS - 1, -1)
    logits, ids = logits_of(model, sequences)[:, steps].topk(RIVALS, -1)
    leads = logits[..., :1] - logits[..., 1:]
    squares = 0
    for error in rounding_errors(model, case, sequences):
        error = error[:, steps].gather(-1, ids)
        squares = squares + (error[..., :1] - error[..., 1:]) ** 2
    clearness = (leads / (squares / ROUNDING_DRAWS).sqrt()).amin((-1, -2))
    clear = torch.nonzero(clearness >= CLEAR_MARGIN)[:, 0]
    clear = clear[variety[finalists[clear]].argsort(descending=True, stable=True)][:CONTINUATIONS]
    if len(clear) < CONTINUATIONS:
        raise SystemExit(f'{case.name}: only {len(clear)} continuations are clear (best {clearness.topk(5).values})')
    return [
        {
            'prompt': sequences[row, :PROMPT_TOKENS].tolist(),
            'tokens': sequences[row, PROMPT_TOKENS:].tolist(),
            'margin': round(margins[finalists[row]].item(), 3),
            'marginInRoundingErrors': round(clearness[row].item(), 1),
        }
        for row in clear
    ]
