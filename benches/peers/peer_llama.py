#!/usr/bin/env python3
"""llama.cpp, built for this CPU, measured at the points of `point`.

    peer_llama.py MODEL --threads N --prefill T --decode T --batch B[,B…]
        [--context T] [--flash-attention on|off] [--kv-cache f16|f32]

Invariant: what is timed is llama.cpp's own decode of tokens that are drawn at random, as
in its llama-bench and llama-batched-bench: no sampling, no text, no request. Each sequence
has its own tokens and shares nothing; sequences have their own streams of the cache, as
llama.cpp sets itself up.
"""

import argparse
import ctypes
import random
import sys

import llama_cpp as llama
from point import Sample, Stopwatch, Work, arguments, asked, measure

BATCH_TOKENS = 2048
MICRO_BATCH_TOKENS = 512
WARM_UP_STEPS = 4
# Kept for the life of the process: llama.cpp holds a pointer to it.
_errors_only = llama.llama_log_callback(
    lambda level, text, _: level >= 4 and print(text.decode(), end="", file=sys.stderr) or None
)


class LlamaCpp:
    def __init__(self, chosen: argparse.Namespace, work: list[Work]):
        self._context_tokens = chosen.context
        model_params = llama.llama_model_default_params()
        model_params.n_gpu_layers = 0
        self._model = llama.llama_model_load_from_file(str(chosen.model).encode(), model_params)
        if not self._model:
            raise OSError(f"llama.cpp can't load `{chosen.model}`")
        vocabulary = llama.llama_model_get_vocab(self._model)
        self._vocabulary_tokens = llama.llama_vocab_n_tokens(vocabulary)
        self._batch = llama.llama_batch_init(BATCH_TOKENS, 0, 1)
        self._random = random.Random(1)
        params = llama.llama_context_default_params()
        most = max(each.batch for each in work)
        params.n_ctx = max(self._held(each) for each in work) * most
        params.n_batch, params.n_ubatch = BATCH_TOKENS, MICRO_BATCH_TOKENS
        params.n_seq_max = most
        params.n_threads = params.n_threads_batch = chosen.threads
        params.flash_attn_type = (
            llama.LLAMA_FLASH_ATTN_TYPE_ENABLED
            if chosen.flash_attention == "on"
            else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        kinds = {"f16": llama.GGML_TYPE_F16, "f32": llama.GGML_TYPE_F32}
        params.type_k = params.type_v = kinds[chosen.kv_cache]
        # As in llama-bench and llama-batched-bench.
        params.swa_full = False
        self._context = llama.llama_init_from_model(self._model, params)
        if not self._context:
            raise OSError(f"llama.cpp can't make a context for `{chosen.model}`")

    def _held(self, work: Work) -> int:
        """Tokens that a sequence has come to at the end, in whole steps of the cache."""
        tokens = work.tokens + (self._context_tokens if work.what == "decode" else 0)
        return -(-tokens // 256) * 256

    def run(self, work: Work) -> Sample:
        if work.what == "prefill":
            self._prefill(work.tokens, 1)
            watch = Stopwatch()
            self._prefill(work.tokens, 1)
            return watch.sample(work.tokens)
        self._prefill(self._context_tokens, work.batch)
        self._decode(self._context_tokens, WARM_UP_STEPS, work.batch)
        self._prefill(self._context_tokens, work.batch)
        watch = Stopwatch()
        self._decode(self._context_tokens, work.tokens, work.batch)
        return watch.sample(work.tokens * work.batch)

    def _prefill(self, tokens: int, sequences: int) -> None:
        llama.llama_memory_clear(llama.llama_get_memory(self._context), False)
        for sequence in range(sequences):
            places = [(at, sequence, at + 1 == tokens) for at in range(tokens)]
            for first in range(0, tokens, BATCH_TOKENS):
                self._send(places[first : first + BATCH_TOKENS])

    def _decode(self, start: int, steps: int, sequences: int) -> None:
        for step in range(steps):
            self._send([(start + step, sequence, True) for sequence in range(sequences)])

    def _send(self, places: list[tuple[int, int, bool]]) -> None:
        """One batch of random tokens, each with its position, sequence, and whether logits
        are wanted of it."""
        batch = self._batch
        batch.n_tokens = len(places)
        for slot, (position, sequence, wanted) in enumerate(places):
            batch.token[slot] = self._random.randrange(self._vocabulary_tokens)
            batch.pos[slot] = position
            batch.n_seq_id[slot] = 1
            batch.seq_id[slot][0] = sequence
            batch.logits[slot] = wanted
        status = llama.llama_decode(self._context, batch)
        if status != 0:
            raise OSError(f"llama_decode: {status} for {len(places)} tokens")
        llama.llama_synchronize(self._context)


def main() -> int:
    parser = arguments(__doc__.split("\n\n")[0])
    parser.add_argument("--flash-attention", choices=["on", "off"], default="on")
    parser.add_argument("--kv-cache", choices=["f16", "f32"], default="f16")
    chosen = parser.parse_args()
    llama.llama_log_set(_errors_only, ctypes.c_void_p(0))
    llama.llama_backend_init()
    print(llama.llama_print_system_info().decode(), file=sys.stderr)
    work = asked(chosen)
    try:
        measure(work, LlamaCpp(chosen, work).run)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
