#!/usr/bin/env python3
"""A real llama.cpp server for the tests: llama_server.py MODEL.gguf SLOTS CONTEXT

Prints its address, then answers until its standard input is closed. It comes out of the package
xllamacpp and listens on a loopback port.
"""

import sys
import urllib.request

import xllamacpp


def main() -> None:
    path, slots, context = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = context * slots
    params.n_parallel = slots
    params.n_gpu_layers = 0
    params.endpoint_metrics = True
    # Prompts of a run are all different; what one leaves in memory helps no other.
    params.cache_ram_mib = 0
    params.verbosity = -1
    server = xllamacpp.Server(params)
    # A server that is dropped before its loop has begun hangs for ever; one that answers runs.
    urllib.request.urlopen(server.listening_address + "/health", timeout=60).read()
    print(server.listening_address, flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
