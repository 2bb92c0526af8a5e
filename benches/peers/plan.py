#!/usr/bin/env python3
"""`mtok plan` against vidur on one trace: wall time for each simulated request, and latencies.

    plan.py TRACE [--profile FILE] [--ours PROGRAM] [--requests N] [--rounds N] [--out FILE]

TRACE is in Azure's form. A table goes to stderr and JSON, with every sample, to stdout.

vidur (PyPI) predicts step times from profiles that it downloads; this gives it ours instead
(FILE, or the example of the tests), as a predictor that is a sum of five products. So both simulate the
same machine, and vidur's time is that of its event loop and scheduler (Sarathi's, which
reads prompts in chunks beside decoding, as ours does) without its own predictor, its metrics and
its output: the fastest that it can be. Where vidur is not installed, the script says so and ends
with 4.

Invariant: both simulate the same requests, in turns, each in a process of its own; a ratio is the
median of ratios of neighbours, of the wall's time and of CPU time, which other programs on the
machine disturb less. Ours counts the whole process, start and reading the trace included; vidur's
counts its loop alone. What was not measured is null and prints as —.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "tests/fixtures/plan/llama-3.1-8b-h100.json"
# What both machines may use.
KV_TOKENS = 400_000
BLOCK = 16
SEQUENCES = 256
STEP_TOKENS = 2_048
CONTEXT = 131_072
TERMS = ("step", "prompt", "prompt_context", "sequence", "sequence_context")


def say(*words: object) -> None:
    print(*words, file=sys.stderr, flush=True)


def read(trace: Path, most: int | None) -> list[tuple[float, int, int]]:
    """Requests: seconds since the first, prompt and output tokens."""
    with trace.open(newline="") as file:
        rows = list(csv.DictReader(file))
    first = datetime.fromisoformat(rows[0]["TIMESTAMP"][:26])
    requests = []
    for row in rows[:most]:
        at = (datetime.fromisoformat(row["TIMESTAMP"][:26]) - first).total_seconds()
        prompt, output = int(row["ContextTokens"]), int(row["GeneratedTokens"])
        if prompt > 0 and output > 0:
            requests.append((at, prompt, output))
    return requests


def percentile(samples: list[float], share: float) -> float | None:
    """Type 7 of Hyndman and Fan, where it is earned."""
    if len(samples) * (1 - share) < 1:
        return None
    return statistics.quantiles(samples, n=100, method="inclusive")[round(share * 100) - 1]


def vidur_child(requests: list[tuple[float, int, int]], profile: dict) -> dict:
    """Runs vidur's simulator in this process."""
    os.environ["WANDB_MODE"] = "disabled"
    import logging

    from vidur._native.entities import ExecutionTime
    from vidur.config import config as c
    from vidur.entities import Request
    from vidur.execution_time_predictor import ExecutionTimePredictorRegistry
    from vidur.request_generator import RequestGeneratorRegistry
    from vidur.simulator import Simulator

    logging.disable(logging.CRITICAL)
    regimes = {name: [profile[name].get(term, 0.0) for term in TERMS] for name in ("prefill", "decode", "mixed")}
    between = profile.get("between", 0.0)

    class Ours:
        """Our profile in the place of vidur's predictor."""

        def __init__(self, replica_config, **_):
            self.layers = replica_config.num_layers_per_pipeline_stage

        def get_execution_time(self, batch, _stage):
            p = a = d = k = 0
            for request, new, all_of_it in zip(batch.requests, batch.num_q_tokens, batch.num_kv_tokens):
                held = all_of_it - new
                if request.is_prefill_complete:
                    d += 1
                    k += held + 1
                else:
                    p += new
                    a += held * new + new * (new + 1) // 2
            kind = "mixed" if p and d else "prefill" if p else "decode"
            c0, cp, ca, cd, ck = regimes[kind]
            seconds = c0 + between + cp * p + ca * a + cd * d + ck * k
            # All of it as one part of each layer, in milliseconds.
            return ExecutionTime(self.layers, 0, 0, seconds * 1e3 / self.layers, *([0] * 11))

    made = []

    class Given:
        """Requests as they are given."""

        def __init__(self, *_):
            pass

        def generate(self):
            made.extend(Request(at, prompt, output) for at, prompt, output in requests)
            return made

    kind = c.RandomForrestExecutionTimePredictorConfig.get_type()
    ExecutionTimePredictorRegistry.unregister(kind)
    ExecutionTimePredictorRegistry.register(kind, Ours)
    kind = c.TraceRequestGeneratorConfig.get_type()
    RequestGeneratorRegistry.unregister(kind)
    RequestGeneratorRegistry.register(kind, Given)
    with tempfile.TemporaryDirectory() as folder:
        config = c.SimulationConfig(
            cluster_config=c.ClusterConfig(
                replica_config=c.ReplicaConfig(num_pipeline_stages=1, tensor_parallel_size=1),
                cache_config=c.CacheConfig(block_size=BLOCK, num_blocks=KV_TOKENS // BLOCK),
                replica_scheduler_config=c.SarathiSchedulerConfig(
                    batch_size_cap=SEQUENCES, chunk_size=STEP_TOKENS
                ),
            ),
            request_generator_config=c.TraceRequestGeneratorConfig(max_tokens=CONTEXT),
            metrics_config=c.MetricsConfig(
                write_metrics=False, enable_chrome_trace=False, store_plots=False, output_dir=folder
            ),
        )
        simulator = Simulator(config)
        simulator._write_output = lambda: None
        begin, began = time.perf_counter(), time.process_time()
        simulator.run()
        wall_s, cpu_s = time.perf_counter() - begin, time.process_time() - began
    ttft = [one.prefill_completed_at - one.arrived_at for one in made]
    tpot = [
        (one.completed_at - one.prefill_completed_at) / (output - 1)
        for one, (_, _, output) in zip(made, requests)
        if output > 1
    ]
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "ttft_p50_s": percentile(ttft, 0.5),
        "ttft_p90_s": percentile(ttft, 0.9),
        "tpot_p50_s": percentile(tpot, 0.5),
        "tpot_p90_s": percentile(tpot, 0.9),
    }


def ours(program: str, trace: Path, profile: Path) -> dict:
    """Runs `mtok plan` on the whole trace, one machine."""
    command = [
        program, "plan", str(trace), "--profile", str(profile), "--price", "2.50/h", "--machines", "1",
        "--kv", str(KV_TOKENS), "--sequences", str(SEQUENCES), "--step-tokens", str(STEP_TOKENS),
        "--chunk", str(STEP_TOKENS), "--context", str(CONTEXT), "--json",
    ]  # fmt: skip
    begin, began = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    wall_s, ended = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    latencies = json.loads(ran.stdout)["outcome"]["latencies"]
    return {
        "wall_s": wall_s,
        "cpu_s": ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime,
        "ttft_p50_s": latencies["ttft"]["p50"],
        "ttft_p90_s": latencies["ttft"]["p90"],
        "tpot_p50_s": latencies["tpot"]["p50"],
        "tpot_p90_s": latencies["tpot"]["p90"],
    }


def shown(number: float | None, unit: float = 1.0) -> str:
    return "—" if number is None else f"{number * unit:.3f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", type=Path)
    parser.add_argument("--profile", type=Path, default=EXAMPLE)
    parser.add_argument("--ours", help="mtok's binary")
    parser.add_argument("--requests", type=int, help="the first so many")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    profile = json.loads(options.profile.read_text())
    requests = read(options.trace, options.requests)
    if options.child:
        print(json.dumps(vidur_child(requests, profile)))
        return 0
    try:
        from importlib.metadata import version

        vidur = version("vidur")
    except ImportError:
        say("vidur is not installed: pip install vidur (it wants Python 3.10 to 3.12)")
        return 4
    with tempfile.TemporaryDirectory() as folder:
        # Both read the same part of the trace, and the same profile.
        trace, told = Path(folder) / "trace.csv", Path(folder) / "profile.json"
        lines = options.trace.read_text().splitlines()
        kept = lines if options.requests is None else lines[: options.requests + 1]
        trace.write_text("\n".join(kept) + "\n")
        told.write_text(json.dumps(profile))
        rounds = []
        child = [sys.executable, __file__, str(trace), "--profile", str(told), "--child"]
        for _ in range(options.rounds):
            ran = subprocess.run(child, capture_output=True, text=True, timeout=3_600)
            if ran.returncode != 0:
                say(ran.stderr[-2_000:])
                return 5
            peer = json.loads(ran.stdout.splitlines()[-1])
            rounds.append({"vidur": peer, "ours": ours(options.ours, trace, told) if options.ours else None})
    def ratio(of: str) -> float | None:
        both = [one["vidur"][of] / one["ours"][of] for one in rounds if one["ours"]]
        return statistics.median(both) if both else None

    result = {
        "vidur": vidur,
        "requests": len(requests),
        "rounds": rounds,
        "wall_ratio": ratio("wall_s"),
        "cpu_ratio": ratio("cpu_s"),
    }
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)
    say(f"{len(requests)} requests; vidur {vidur}")
    say("        us/request: wall, CPU   TTFT p50, p90 [ms]  TPOT p50, p90 [ms]")
    for name in ("vidur", "ours"):
        found = [one[name] for one in rounds if one[name]]
        each = [statistics.median(one[of] for one in found) / len(requests) if found else None for of in ("wall_s", "cpu_s")]
        last = found[-1] if found else {}
        cells = [shown(one, 1e6) for one in each]
        cells += [shown(last.get(f"{kind}_{p}_s"), 1e3) for kind in ("ttft", "tpot") for p in ("p50", "p90")]
        say(f"{name:7}", *(f"{cell:>10}" for cell in cells))
    say(f"vidur takes {shown(result['wall_ratio'])} times as long, {shown(result['cpu_ratio'])} times as much CPU time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
