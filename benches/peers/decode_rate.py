#!/usr/bin/env python3
"""Prefill and decode rates of llama.cpp, beside mtok's if there is one, on this machine.

    decode_rate.py --models DIR [--only NAME] [--threads 1,2] [--rounds N] [--mtok PATH]

A table goes to stderr and JSON, with every sample, to stdout.

Invariant: both programs are measured in turns within one run, each held to as many
cores as it has threads, so that other load on the machine falls on both. A rate
of llama.cpp is total tokens over total seconds; mtok's is the median of what its own
reports say. What was not measured is null and prints as —.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from llama_server import LlamaCpp, PeerError, build, say
from models import MODELS, Model

PROMPT_TOKENS = 512
OUTPUT_TOKENS = 128
CONTEXT_TOKENS = 1024
MTOK_DURATION_S = 20
# A bench of 20 s also loads the model, warms up and finishes its last request.
MTOK_TIMEOUT_S = 300
# Where `mtok bench --json` keeps its rates in tokens per second: keys from the top.
MTOK_RATES = {
    "prefill": ("summary", "prefill_rate", "value"),
    "decode": ("summary", "decode_rate", "value"),
}
PROSE = (
    "The harbour master writes down every boat that comes in, its name and its cargo, "
    "and at night he adds the figures twice, because the first sum is never the second. "
)


@dataclass
class Rate:
    """Tokens over seconds, kept apart so that samples can be added up."""

    tokens: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    samples: list[dict] = field(default_factory=list)

    def add(self, tokens: int, wall_s: float, cpu_s: float) -> None:
        self.tokens += tokens
        self.wall_s += wall_s
        self.cpu_s += cpu_s
        self.samples.append({"tokens": tokens, "wall_s": wall_s, "cpu_s": cpu_s})

    def record(self) -> dict:
        return {
            "tokens_per_second": self.tokens / self.wall_s if self.wall_s else None,
            "tokens_per_cpu_second": self.tokens / self.cpu_s if self.cpu_s else None,
            "samples": self.samples,
        }


def prompt_of(llama: LlamaCpp, length: int) -> list[int]:
    ids = llama.tokenize(PROSE * (1 + length // 20), add_special=True)
    if len(ids) < length:
        raise PeerError(f"the text gives {len(ids)} tokens, {length} are needed")
    return ids[:length]


def measure_llama(llama: LlamaCpp, ids: list[int], prefill: Rate, decode: Rate) -> None:
    """One prefill of `ids`, then a decode that reuses its cache, each timed alone.

    CPU time is the whole process's; the client's share of it is a single request.
    """
    started = time.process_time()
    answer = llama.complete(ids, 1)
    spent = time.process_time() - started
    timings = answer["timings"]
    prefill.add(timings["prompt_n"], timings["prompt_ms"] / 1e3, spent)

    started = time.process_time()
    # An end token must not cut the measurement short; which tokens come is all one.
    answer = llama.complete(ids, OUTPUT_TOKENS, cache_prompt=True, ignore_eos=True)
    spent = time.process_time() - started
    timings = answer["timings"]
    if timings["predicted_n"] != OUTPUT_TOKENS or timings["prompt_n"] != 1:
        raise PeerError(
            f"decoded {timings['predicted_n']} after {timings['prompt_n']} prompt tokens"
        )
    # The last prompt token is evaluated again for the first output, and the last
    # output is not evaluated: as many single-token steps as there are outputs.
    wall_ms = timings["prompt_ms"] + timings["predicted_ms"]
    decode.add(OUTPUT_TOKENS, wall_ms / 1e3, spent)


def look_up(report: object, path: tuple[str, ...]) -> float | None:
    for key in path:
        if not isinstance(report, dict):
            return None
        report = report.get(key)
    number = isinstance(report, (int, float)) and not isinstance(report, bool)
    return float(report) if number else None


def children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure_mtok(mtok: Path, model: Path) -> dict:
    """One bench of mtok on the cores this process is held to: its report, the rates in it."""
    command = [str(mtok), "bench", str(model), "--prompt-tokens", str(PROMPT_TOKENS)]
    command += [
        "--output-tokens",
        str(OUTPUT_TOKENS),
        "--duration",
        f"{MTOK_DURATION_S}s",
        "--json",
    ]
    wall, cpu = time.perf_counter(), children_cpu_s()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MTOK_TIMEOUT_S)
        if done.returncode != 0:
            return {"error": f"exit {done.returncode}: {done.stderr.strip()[-300:]}"}
        report = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        return {"error": str(error)}
    rates = {kind: look_up(report, path) for kind, path in MTOK_RATES.items()}
    # CPU over wall tells how much of its cores the program really got.
    spent = {"wall_s": time.perf_counter() - wall, "cpu_s": children_cpu_s() - cpu}
    missing = [".".join(MTOK_RATES[kind]) for kind, rate in rates.items() if rate is None]
    bench = {"rates": rates, "spent": spent, "report": report}
    return bench | ({"error": f"no number in its report at {missing}"} if missing else {})


def compare(model: Model, path: Path, threads: int, chosen: argparse.Namespace) -> dict:
    cores = set(sorted(os.sched_getaffinity(0))[:threads])
    prefill, decode, benches = Rate(), Rate(), []
    whole = os.sched_getaffinity(0)
    # Before the server starts: its threads, and mtok's, inherit the cores of their maker.
    os.sched_setaffinity(0, cores)
    try:
        settings = {"threads": threads, "flash_attention": True, "context_tokens": CONTEXT_TOKENS}
        with LlamaCpp(path, **settings) as llama:
            ids = prompt_of(llama, PROMPT_TOKENS)
            for turn in range(chosen.rounds):
                say(f"{model.name}, {threads} thread(s), round {turn + 1}/{chosen.rounds}")
                measure_llama(llama, ids, prefill, decode)
                if chosen.mtok:
                    benches.append(measure_mtok(chosen.mtok, path))
                    if "error" in benches[-1]:
                        say(f"  mtok: {benches[-1]['error']}")
    finally:
        os.sched_setaffinity(0, whole)
    llama_rates = {"prefill": prefill.record(), "decode": decode.record()}
    mtok_rates, ratios = {}, {}
    for kind, record in llama_rates.items():
        found = [bench["rates"][kind] for bench in benches if bench.get("rates", {}).get(kind)]
        mtok_rates[kind] = statistics.median(found) if found else None
        rate = record["tokens_per_second"]
        ratios[kind] = mtok_rates[kind] / rate if mtok_rates[kind] and rate else None
    return {
        "model": model.name,
        "threads": threads,
        "llama_cpp": llama_rates,
        "mtok_tokens_per_second": mtok_rates,
        "mtok_over_llama_cpp": ratios,
        "mtok_benches": benches,
    }


def table(rows: list[dict]) -> str:
    def cell(value: float | None, width: int, digits: int) -> str:
        return ("—" if value is None else f"{value:.{digits}f}").rjust(width)

    lines = [
        f"{'':24}{'llama.cpp, tok/s':>18}{'per CPU second':>18}{'mtok, tok/s':>18}{'ratio':>14}",
        f"{'model':16}{'threads':>8}"
        + f"{'prefill':>9}{'decode':>9}" * 3
        + f"{'pre':>7}{'dec':>7}",
    ]
    for row in rows:
        kinds = ("prefill", "decode")
        llama, mtok, ratio = (
            row["llama_cpp"],
            row["mtok_tokens_per_second"],
            row["mtok_over_llama_cpp"],
        )
        cells = [cell(llama[kind]["tokens_per_second"], 9, 1) for kind in kinds]
        cells += [cell(llama[kind]["tokens_per_cpu_second"], 9, 1) for kind in kinds]
        cells += [cell(mtok[kind], 9, 1) for kind in kinds]
        cells += [cell(ratio[kind], 7, 2) for kind in kinds]
        lines.append(f"{row['model']:16}{row['threads']:>8}" + "".join(cells))
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    def counts(text: str) -> list[int]:
        values = [int(value) for value in text.split(",")]
        cores = len(os.sched_getaffinity(0))
        if not all(1 <= value <= cores for value in values):
            raise argparse.ArgumentTypeError(f"between 1 and the {cores} cores there are")
        return values

    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", type=Path, required=True, help="folder with the GGUF files")
    parser.add_argument("--only", choices=[model.name for model in MODELS], help="one model")
    parser.add_argument("--threads", type=counts, default=[1, 2], metavar="N,…")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mtok", type=Path, help="the mtok binary to measure alternately")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    rows = []
    load_before = os.getloadavg()
    try:
        for model in MODELS:
            if chosen.only in (None, model.name):
                path = chosen.models / model.file
                rows += [compare(model, path, threads, chosen) for threads in chosen.threads]
    except (PeerError, OSError) as error:
        say(f"error: {error}")
        return 1
    say(table(rows))
    # The load tells a reader whether the wall-clock figures can be believed.
    machine = {"load_before": load_before, "load_after": os.getloadavg(), "cores": os.cpu_count()}
    print(json.dumps({"peer": build(), "machine": machine, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
