#!/usr/bin/env python3
"""mistral.rs, out of its wheel, measured at the points of `point`.

    peer_mistralrs.py MODEL --threads N --prefill T --decode T --batch B[,B…] [--context T]

Its interface takes requests, not steps, so a decode is the difference of two runs over the
same prompts: one that ends after the first token and one that goes on for T more. Prompts
differ from each other and its prefix cache is off, so nothing is shared or reused.

Invariant: the tokens counted are those that mistral.rs says it read or made; a run in which
they are not those asked for stops the measurement.
"""

import argparse
import os
import random
import sys
from collections.abc import Iterator

from point import Sample, Stopwatch, Work, arguments, asked, measure

WORDS = "the river and a boat went slowly past our old stone house while two children slept".split()


class MistralRs:
    def __init__(self, chosen: argparse.Namespace, work: list[Work]):
        # Only now: its pools are sized by the environment that `main` has set.
        from mistralrs import ChatCompletionRequest, Runner, Which

        self._request = ChatCompletionRequest
        self._context_tokens = chosen.context
        self._most = max(each.batch for each in work)
        self._random = random.Random(1)
        self._around: int | None = None
        which = Which.GGUF(
            quantized_model_id=str(chosen.model.parent), quantized_filename=chosen.model.name
        )
        self._runner = Runner(
            which=which, max_seqs=self._most, prefix_cache_n=0, token_source="none"
        )

    def run(self, work: Work) -> Sample:
        if work.what == "prefill":
            self._ask([self._prompt(32)], 32, 1)
            prompts = [self._prompt(work.tokens)]
            watch = Stopwatch()
            self._ask(prompts, work.tokens, 1)
            return watch.sample(work.tokens)
        prompts = [self._prompt(self._context_tokens) for _ in range(work.batch)]
        self._ask(prompts, self._context_tokens, 2)
        spent = []
        for tokens in (1, 1 + work.tokens):
            watch = Stopwatch()
            self._ask(prompts, self._context_tokens, tokens)
            spent.append(watch.sample(0))
        first, both = spent
        wall_s, cpu_s = both.wall_s - first.wall_s, both.cpu_s - first.cpu_s
        if wall_s <= 0 or cpu_s <= 0:
            raise OSError("the longer run was the shorter one: the machine is too busy")
        return Sample(work.tokens * work.batch, wall_s, cpu_s)

    def _prompt(self, tokens: int) -> str:
        """Words that, with what the chat template puts around them, make as many tokens."""
        if self._around is None:
            self._around = self._read("a") - self._count("a")
        tokens -= self._around
        words = [self._random.choice(WORDS) for _ in range(2 * tokens)]
        low, high = 1, len(words)
        while low < high:
            middle = (low + high) // 2
            if self._count(" ".join(words[:middle])) < tokens:
                low = middle + 1
            else:
                high = middle
        text = " ".join(words[:low])
        while self._count(text) > tokens:
            text = text[:-1]
        return text

    def _count(self, text: str) -> int:
        return len(self._runner.tokenize_text(text, False, None))

    def _ask(self, prompts: list[str], read: int, made: int) -> None:
        # Its runner takes one call at a time; calls that stream come back at once.
        streams = [self._start(prompt, made) for prompt in prompts]
        for counted in map(self._finish, streams):
            if counted != (read, made):
                raise OSError(f"asked for {(read, made)} tokens in and out, got {counted}")

    def _read(self, prompt: str) -> int:
        return self._finish(self._start(prompt, 1))[0]

    def _start(self, prompt: str, made: int) -> Iterator:
        request = self._request(
            messages=[{"role": "user", "content": prompt}],
            model="default",
            max_tokens=made,
            temperature=0.0,
            ignore_eos=True,
            stream=True,
        )
        return self._runner.send_chat_completion_request(request)

    def _finish(self, stream: Iterator) -> tuple[int, int]:
        usage = None
        for chunk in stream:
            usage = chunk.usage or usage
        if usage is None:
            raise OSError("a stream ended without saying how many tokens it was")
        return usage.prompt_tokens, usage.completion_tokens


def main() -> int:
    chosen = arguments(__doc__.split("\n\n")[0]).parse_args()
    for pool in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[pool] = str(chosen.threads)
    # Its other pools have as many threads as the process may use cores.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: chosen.threads])
    work = asked(chosen)
    try:
        measure(work, MistralRs(chosen, work).run)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
