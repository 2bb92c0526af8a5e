"""Running a measured program once, and what the rest of the machine did meanwhile.

Invariant: what a program is charged for is what the kernel charged its process with, read when
it was waited for; `others` is what remains of the machine's time, the time that the host took
away included. A program that fails is reported with its own last words, never skipped.
"""

import os
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path

from point import Sample, Work, parse

TIMEOUT_S = 900
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class RunError(Exception):
    """A program ended without the point it was asked for."""


@dataclass(frozen=True)
class Program:
    name: str
    command: list[str]
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    sample: Sample
    # Share of all cores' time in which something else ran, or the host took the core away.
    others: float
    # Largest resident set of the process, the model's file included where it is mapped.
    peak_bytes: int

    def seconds(self, threads: int) -> float:
        """At one thread the CPU time, which other programs change little; else the wall's."""
        return self.sample.cpu_s if threads == 1 else self.sample.wall_s

    def rate(self, threads: int) -> float:
        return self.sample.tokens / self.seconds(threads)


@dataclass(frozen=True)
class Setting:
    model: Path
    threads: int
    context: int

    def arguments(self, work: Work) -> list[str]:
        tokens = {"prefill": 0, "decode": 0, work.what: work.tokens}
        return [
            *(str(self.model), "--threads", str(self.threads)),
            *("--prefill", str(tokens["prefill"]), "--decode", str(tokens["decode"])),
            *("--batch", str(work.batch), "--context", str(self.context)),
        ]


def run(program: Program, setting: Setting, work: Work) -> Run:
    command = [*program.command, *setting.arguments(work), *program.options]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        before = _machine_s()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        except OSError as error:
            raise RunError(str(error)) from error
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        after = _machine_s()
        sample = parse(_text(out), work)
        if process.returncode != 0 or sample is None:
            words = _last_words(_text(errors)) or "no such point in what it printed"
            raise RunError(f"exit {process.returncode}: {words}")
    total, busy = (later - earlier for later, earlier in zip(after, before, strict=True))
    own = usage.ru_utime + usage.ru_stime
    others = max(busy - own, 0.0) / total if total else 0.0
    return Run(sample, others, usage.ru_maxrss * 1024)


def _machine_s() -> tuple[float, float]:
    """All cores' time since the start, and the part of it that was not idle, in seconds."""
    with open("/proc/stat") as file:
        # user nice system idle iowait irq softirq steal, in ticks; guests' is in user's.
        ticks = [int(count) for count in file.readline().split()[1:9]]
    return sum(ticks) / TICKS_PER_S, (sum(ticks) - ticks[3] - ticks[4]) / TICKS_PER_S


def _text(file) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _last_words(text: str) -> str:
    """The line that says what went wrong: the last that begins so, or the last of all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if line.lower().startswith(("error", "thread"))]
    return (said or lines or [""])[-1][:200]
