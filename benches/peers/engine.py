#!/usr/bin/env python3
"""The engine against llama.cpp and mistral.rs: prefill and decode, alone and in batches.

    engine.py --models DIR [--ours PROGRAM] [--only NAME] [--threads 1,2] [--rounds N]
        [--points prefill,1,4,8,16] [--decode T] [--no-mistralrs] [--out FILE]

PROGRAM is what `cargo bench --bench engine --no-run` builds; how programs are asked is in
`point`. Without it llama.cpp's figures stand alone. The synthetic models are made in DIR.

Invariant: a ratio is the median of ratios of neighbours: ours and llama.cpp run one after the
other, in an order that turns each round, on the same file with as many threads and the same
f16 cache. llama.cpp runs with flash attention or without, whichever was faster in a first
trial. At one thread CPU time counts, at more the wall's, and only of pairs during which
other programs left this one its cores; where there were none, the figure is starred.
"""

import argparse
import json
import math
import os
import platform
import statistics
import sys
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from models import MODELS, sha256_of
from point import Work
from programs import Program, Run, RunError, Setting, run
from synthetic import KINDS, file_of, make

HERE = Path(__file__).resolve().parent
PREFILL_TOKENS = 512
# Others may use the cores that are left over and this share of the machine. CPU time too is
# longer on a core that is shared: llama.cpp against itself then came out between 1.2 and 1.9.
QUIET = 0.05
# How many pairs are tried for one quiet one.
PATIENCE = 2
# What the ratios are held to.
LOWEST, MEAN, BATCH_16 = 0.8, 1.0, 1.2


@dataclass
class Point:
    """All runs of one piece of work on one model with as many threads."""

    model: str
    threads: int
    work: Work
    llama_options: list[str] = field(default_factory=list)
    ours: list[Run] = field(default_factory=list)
    llama: list[Run] = field(default_factory=list)
    mistralrs: list[Run] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def quiet(self, *runs: Run) -> bool:
        left_over = 1 - self.threads / (os.cpu_count() or self.threads)
        return all(each.others <= left_over + QUIET for each in runs)

    @property
    def disturbed(self) -> bool:
        """Whether there was no quiet moment for what is shown."""
        pairs = zip(self.ours, self.llama, strict=True) if self.ours else zip(self.llama)
        return not any(self.quiet(*pair) for pair in pairs)

    def _counted(self, runs: list[Run]) -> list[Run]:
        return [each for each in runs if self.disturbed or self.quiet(each)]

    def rate(self, runs: list[Run]) -> float | None:
        rates = [each.rate(self.threads) for each in self._counted(runs)]
        return statistics.median(rates) if rates else None

    @property
    def ratios(self) -> list[float]:
        """llama.cpp's seconds over ours, pair by pair."""
        if not self.ours:
            return []
        pairs = zip(self.ours, self.llama, strict=True)
        return [
            llama.seconds(self.threads) / ours.seconds(self.threads)
            for ours, llama in pairs
            if self.disturbed or self.quiet(ours, llama)
        ]

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ratios) if self.ratios else None

    def record(self) -> dict:
        sides = {"ours": self.ours, "llama_cpp": self.llama, "mistralrs": self.mistralrs}
        return {
            "model": self.model,
            "threads": self.threads,
            **asdict(self.work),
            "clock": "cpu" if self.threads == 1 else "wall",
            "tokens_per_second": {name: self.rate(runs) for name, runs in sides.items()},
            "ratio": self.ratio,
            "ratios": self.ratios,
            "disturbed": self.disturbed,
            "llama_cpp_options": self.llama_options,
            "errors": self.errors,
            "runs": {name: [asdict(each) for each in runs] for name, runs in sides.items()},
        }


def python(script: str) -> list[str]:
    # -B: nothing is left beside the sources.
    return [sys.executable, "-B", str(HERE / script)]


def command_of(program: Path) -> list[str]:
    return [sys.executable, "-B", str(program)] if program.suffix == ".py" else [str(program)]


LLAMA_VARIANTS = [["--flash-attention", "on"], ["--flash-attention", "off"]]


def measure(point: Point, setting: Setting, chosen: argparse.Namespace) -> None:
    """Fills `point`. A program that fails once is not run again at it."""

    def once(program: Program, runs: list[Run]) -> bool:
        try:
            runs.append(run(program, setting, point.work))
        except RunError as error:
            point.errors[program.name] = str(error)
            say(f"    {program.name}: {error}")
            return False
        return True

    variants = [Program("llama.cpp", python("peer_llama.py"), opts) for opts in LLAMA_VARIANTS]
    trials: list[Run] = []
    if not all(once(program, trials) for program in variants):
        return
    fastest = min(range(len(trials)), key=lambda at: trials[at].seconds(setting.threads))
    llama = variants[fastest]
    point.llama_options = llama.options
    ours = Program("ours", command_of(chosen.ours)) if chosen.ours else None
    sides = [(ours, point.ours)] if ours else []
    sides.append((llama, point.llama))
    found = 0
    for turn in range(chosen.rounds * PATIENCE):
        if not all([once(*side) for side in (sides if turn % 2 == 0 else sides[::-1])]):
            # A pair is whole or is not one.
            point.ours.clear()
            break
        found += point.quiet(*(runs[-1] for _, runs in sides))
        if found == chosen.rounds:
            break
    if chosen.mistralrs:
        once(Program("mistral.rs", python("peer_mistralrs.py")), point.mistralrs)


def table(points: list[Point]) -> str:
    def cell(value: float | None, width: int, digits: int) -> str:
        return ("—" if value is None else f"{value:.{digits}f}").rjust(width)

    head = f"{'':14}{'ours':>10}{'llama.cpp':>11}{'ratio':>8}{'from–to':>12}{'mistral.rs':>12}"
    lines = []
    shown = None
    for point in points:
        if (point.model, point.threads) != shown:
            shown = point.model, point.threads
            clock = "CPU second" if point.threads == 1 else "second"
            lines += ["", f"{point.model}, {point.threads} thread(s), tokens per {clock}", head]
        ratios = point.ratios
        span = f"{min(ratios):.2f}–{max(ratios):.2f}" if ratios else "—"
        lines.append(
            f"  {point.work.name:12}"
            + cell(point.rate(point.ours), 10, 1)
            + cell(point.rate(point.llama), 11, 1)
            + cell(point.ratio, 8, 2)
            + span.rjust(12)
            + cell(point.rate(point.mistralrs), 12, 1)
            + ("  *" if point.disturbed and point.llama else "")
        )
    if any(point.disturbed and point.llama for point in points):
        lines += ["", "* other programs shared its cores in every pair"]
    return "\n".join([*lines, "", *verdict(points)])


def verdict(points: list[Point]) -> list[str]:
    """The bars, each with what was reached."""

    def bar(name: str, reached: float | None, least: float) -> str:
        if reached is None:
            return f"{name}: — (at least {least})"
        return (
            f"{name}: {reached:.2f} (at least {least}: {'met' if reached >= least else 'NOT MET'})"
        )

    lines = []
    for threads in sorted({point.threads for point in points}):
        here = [point for point in points if point.threads == threads]
        ratios = [point.ratio for point in here if point.ratio is not None]
        sixteen = [
            point.ratio for point in here if point.ratio is not None and point.work.batch == 16
        ]
        starred = sum(point.disturbed for point in here if point.ratio is not None)
        mean = math.exp(statistics.fmean(map(math.log, ratios))) if ratios else None
        lines += [
            f"{threads} thread(s), {len(ratios)} of {len(here)} points"
            + (f", {starred} of them starred" if starred else ""),
            "  " + bar("lowest ratio", min(ratios, default=None), LOWEST),
            "  " + bar("geometric mean", mean, MEAN),
            "  " + bar("lowest at batch 16", min(sixteen, default=None), BATCH_16),
        ]
    return lines


def machine() -> dict:
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }


def peers() -> dict:
    return {name: version(name) for name in ("llama-cpp-python", "mistralrs", "numpy", "gguf")}


def models_in(chosen: argparse.Namespace) -> list[tuple[str, Path]]:
    real = [(model.name, chosen.models / model.file, model.sha256) for model in MODELS]
    for _, path, sha256 in (each for each in real if wanted(chosen, each[0])):
        if sha256_of(path) != sha256:
            raise OSError(f"`{path}` is not the file that is compared here")
    made = {f"synthetic-{kind}": kind for kind in KINDS}
    needed = [kind for name, kind in made.items() if wanted(chosen, name)]
    make(chosen.models, needed)
    every = [(name, path) for name, path, _ in real]
    every += [(name, chosen.models / file_of(kind)) for name, kind in made.items()]
    return [(name, path) for name, path in every if wanted(chosen, name)]


def wanted(chosen: argparse.Namespace, name: str) -> bool:
    return not chosen.only or name in chosen.only


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    def counts(text: str) -> list[int]:
        return [int(value) for value in text.split(",")]

    names = [model.name for model in MODELS] + [f"synthetic-{kind}" for kind in KINDS]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", type=Path, required=True, help="folder with the GGUF files")
    parser.add_argument("--ours", type=Path, help="the program to compare")
    parser.add_argument("--only", choices=names, action="append", help="may be given again")
    parser.add_argument("--threads", type=counts, default=[1, 2], metavar="N,…")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--points", default="prefill,1,4,8,16", help="prefill, and decode's batches"
    )
    parser.add_argument("--decode", type=int, default=128, metavar="T", help="steps of a decode")
    parser.add_argument("--context", type=int, default=128, metavar="T", help="tokens before them")
    parser.add_argument("--no-mistralrs", dest="mistralrs", action="store_false")
    parser.add_argument("--out", type=Path, help="every run, as JSON, kept up to date meanwhile")
    return parser.parse_args()


def works(chosen: argparse.Namespace) -> list[Work]:
    return [
        Work("prefill", 1, PREFILL_TOKENS)
        if name == "prefill"
        else Work("decode", int(name), chosen.decode)
        for name in chosen.points.split(",")
    ]


def main() -> int:
    chosen = arguments()
    points: list[Point] = []
    started = machine()
    try:
        for name, path in models_in(chosen):
            for threads in chosen.threads:
                setting = Setting(path, threads, chosen.context)
                for work in works(chosen):
                    say(f"{name}, {threads} thread(s), {work.name}")
                    points.append(Point(name, threads, work))
                    measure(points[-1], setting, chosen)
                    keep(chosen.out, points, started)
    except (OSError, ValueError) as error:
        say(f"error: {error}")
        return 1
    print(heading(started))
    print(table(points))
    return 0


def heading(started: dict) -> str:
    load = " → ".join(f"{each['load'][0]:.1f}" for each in (started, machine()))
    versions = ", ".join(f"{name} {each}" for name, each in peers().items())
    return f"{started['cpu']}, {started['cores']} cores, load {load}\n{versions}"


def keep(out: Path | None, points: list[Point], started: dict) -> None:
    if out is None:
        return
    record = {
        "peers": peers(),
        "machine": {"at_start": started, "at_end": machine()},
        "points": [point.record() for point in points],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
