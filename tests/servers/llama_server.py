"""Serve a GGUF model with llama.cpp's own HTTP server until standard input ends.

    python llama_server.py MODEL.gguf PORT

Runs in the servers' environment.
"""

from __future__ import annotations

import sys

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path, params.port = sys.argv[1], int(sys.argv[2])
params.model_alias = {"tiny"}
params.hostnames = ["127.0.0.1"]
params.n_ctx, params.n_parallel, params.use_jinja = 4 * 32_768, 4, True  # each slot has its share
params.n_gpu_layers, params.warmup = 0, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.sampling.seed = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
