"""One measurement of one program: what was asked, and what came back.

Every program that is measured takes the same arguments,

    PROGRAM MODEL --threads N --prefill T --decode T --batch B[,B…] --context T

and prints one line of JSON for each point, among whatever else it prints:

    {"what": "prefill", "batch": 1, "tokens": 512, "wall_s": 1.4, "cpu_s": 1.4}

`prefill` is one prompt of T tokens, read from nothing, with the logits of its last token.
`decode` is T steps of B sequences, each with a prompt of its own of `--context` tokens,
which is read before the clock starts; a step gives the logits of all B. Zero tokens skip a
kind. `tokens` counts those of all sequences, `cpu_s` the time of all the process's threads.
Loading and one untimed warm-up come before.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Work:
    """`tokens` of each of `batch` sequences."""

    what: str
    batch: int
    tokens: int

    @property
    def name(self) -> str:
        return self.what if self.what == "prefill" else f"decode {self.batch}"


@dataclass(frozen=True)
class Sample:
    tokens: int
    wall_s: float
    cpu_s: float


def arguments(description: str) -> argparse.ArgumentParser:
    """What every program takes; a peer may add to it."""

    def counts(text: str) -> list[int]:
        return [int(value) for value in text.split(",")]

    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--prefill", type=int, default=0)
    parser.add_argument("--decode", type=int, default=0)
    parser.add_argument("--batch", type=counts, default=[1])
    parser.add_argument("--context", type=int, default=128)
    return parser


def asked(chosen: argparse.Namespace) -> list[Work]:
    work = [Work("prefill", 1, chosen.prefill)] if chosen.prefill else []
    if chosen.decode:
        work += [Work("decode", batch, chosen.decode) for batch in chosen.batch]
    return work


class Stopwatch:
    """Wall and CPU time of this process since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_s()

    def sample(self, tokens: int) -> Sample:
        return Sample(tokens, time.perf_counter() - self._wall, _cpu_s() - self._cpu)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure(work: list[Work], run: Callable[[Work], Sample]) -> None:
    for each in work:
        sample = run(each)
        line = {"what": each.what, "batch": each.batch, **vars(sample)}
        print(json.dumps(line), flush=True)


def parse(output: str, work: Work) -> Sample | None:
    """The sample of `work` in what a program printed; the last, should there be several."""
    found = None
    for line in output.splitlines():
        if not line.startswith("{"):
            continue
        try:
            point = json.loads(line)
        except json.JSONDecodeError:
            continue
        if (point.get("what"), point.get("batch")) != (work.what, work.batch):
            continue
        if point["tokens"] == work.tokens * work.batch:
            found = Sample(point["tokens"], float(point["wall_s"]), float(point["cpu_s"]))
    return found
