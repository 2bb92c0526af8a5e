#!/usr/bin/env python3
"""Load generators against a server whose latencies are known: how far off is each, at what cost?

    loadgen.py --mock PROGRAM --control PROGRAM [--ours PROGRAM] [--aiperf VENV] [--guidellm VENV]
        [--streams 1,16,64,256] [--rounds N] [--peer-rounds N] [--seconds S] [--out FILE]

The mock (`loadgen/mock`) answers after 50 ms, then every 5 ms, 100 tokens. The control
(`loadgen/control`) does about the least that a client can do: what it reaches is what this machine
allows. Both it and mtok begin their streams a millisecond after each other. VENV is a virtual environment with the peer in it; one that isn't there is left out, and the
table says so.

Invariant: errors are a program's own figures less the server's log of the same requests; the rate
is the log's alone, the same way for all. Within a round the programs run one after the other, in
an order that turns each round; ratios to the control are of figures of the same round, and what is
printed are medians over the rounds.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "loadgen"))

from clients import TOKENS, WARMUP_S, Aiperf, Client, Control, Guidellm, Load, Ours  # noqa: E402
from results import Run, judge, table  # noqa: E402
from truth import Mock  # noqa: E402
from watch import Watch  # noqa: E402

TTFT_S, ITL_S = 0.050, 0.005
TIMEOUT_S = 900
# A hundred requests earn a 99th percentile: one stream needs this long for them.
LEAST_REQUESTS = 110


def ideal_per_s(streams: int) -> float:
    return streams * TOKENS / request_s()


def request_s() -> float:
    return TTFT_S + ITL_S * (TOKENS - 1)


def seconds(client: Client, streams: int, asked: float) -> float:
    """Programs that start at once get the time that their percentiles need."""
    return max(asked, LEAST_REQUESTS * request_s() / streams) if client.long_runs else asked


def run(client: Client, mock_program: Path, streams: int, asked_s: float, turn: int) -> Run:
    own = Run(client.name, streams, turn)
    with tempfile.TemporaryDirectory(prefix="loadgen-") as folder:
        mock_options = ["--ttft-ms", str(TTFT_S * 1e3), "--itl-ms", str(ITL_S * 1e3)]
        with Mock(mock_program, [*mock_options, "--tokens", str(TOKENS)]) as mock:
            load = Load(mock.url, streams, seconds(client, streams, asked_s), Path(folder))
            launcher = [sys.executable, "-S", "-E", str(HERE / "loadgen/launch.py")]
            with (
                tempfile.TemporaryFile() as out,
                tempfile.TemporaryFile() as errors,
                subprocess.Popen(
                    [*launcher, *client.command(load)],
                    env=client.environment(load),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=errors,
                    cwd=folder,
                    start_new_session=True,
                ) as process,
            ):
                # Of a process that starts at once, the kernel's own account is better.
                watch = None if client.bare else Watch(process.pid)
                try:
                    process.wait(TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, 9)
                    own.error = f"it ran for more than {TIMEOUT_S} s"
                    return own
                finally:
                    if watch:
                        watch.stop()
                said, complaints = text(out), text(errors)
            log = mock.log()
            fill(own, client, load, said, complaints, log, watch)
    return own


def fill(own: Run, client: Client, load: Load, said: str, complaints: str, log, watch) -> None:
    try:
        taken = json.loads(complaints.rstrip().splitlines()[-1])
    except (IndexError, ValueError):
        own.error = last_words(complaints)
        return
    if taken["code"] != 0 or not log.chunks:
        own.error = f"exit {taken['code']}: {last_words(complaints, said)}"
        return
    try:
        reported, true = client.saw(load, said, log)
    except (OSError, KeyError, TypeError, ValueError) as error:
        own.error = f"what it says can't be read: {error!r}"
        return
    own.reported, own.true = reported, true
    own.errors_ms = reported.minus(true)
    own.chunks = log.chunks
    own.chunks_per_s = log.chunks_per_s(WARMUP_S)
    own.startup_s = (log.first_read - taken["started_ns"]) / 1e9
    own.mock_late_ms = log.late_ms(TTFT_S, ITL_S)
    own.cpu_s, own.peak_bytes = taken["cpu_s"], taken["peak_bytes"]
    if watch:
        own.cpu_loaded_s = watch.cpu_between(log.first_read, log.last_write)
        own.peak_bytes = max(watch.peak_bytes, taken["peak_bytes"])


def text(file) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def last_words(*texts: str) -> str:
    """The line that says what went wrong: the last that names an error, or the last of all."""
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith('{"started_ns"')]
    said = [line for line in lines if "error" in line.lower()]
    return (said or lines or ["it said nothing"])[-1][:200]


def clients(chosen: argparse.Namespace, tokenizer: Path) -> tuple[list[Client], list[str]]:
    """Those that can be run, and a line for each that can't."""
    bare: list[Client] = [Control(chosen.control, False), Control(chosen.control, True)]
    missing = []
    if chosen.ours and chosen.ours.exists():
        bare.insert(0, Ours(chosen.ours))
    else:
        missing.append(f"mtok is left out: there is no `{chosen.ours}`")
    peers = [Aiperf(chosen.aiperf, tokenizer), Guidellm(chosen.guidellm, tokenizer)]
    for peer in peers:
        if peer.version() is None:
            missing.append(f"{peer.name} is left out: it is not installed in `{peer.venv}`")
    return bare + [peer for peer in peers if peer.version()], missing


def counts(text: str) -> list[int]:
    return [int(value) for value in text.split(",")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mock", type=Path, required=True)
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--ours", type=Path)
    parser.add_argument("--aiperf", type=Path, default=Path("target/peers/venv-aiperf"))
    parser.add_argument("--guidellm", type=Path, default=Path("target/peers/venv-guidellm"))
    parser.add_argument("--streams", type=counts, default=[1, 16, 64, 256])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, help="rounds of aiperf and guidellm")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", type=lambda text: text.split(","), help="these programs")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    for name in ("mock", "control", "ours", "aiperf", "guidellm"):
        if path := getattr(chosen, name):
            setattr(chosen, name, path.absolute())

    with tempfile.TemporaryDirectory(prefix="tokenizer-") as tokenizer:
        # Peers want one even where the server counts: that of a tiny model will do.
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(HERE.parents[1] / "tests/fixtures/families/smollm2" / name, tokenizer)
        programs, missing = clients(chosen, Path(tokenizer))
        programs = [each for each in programs if not chosen.only or each.name in chosen.only]
        for line in missing:
            say(line)
        runs: list[Run] = []
        peer_rounds = chosen.rounds if chosen.peer_rounds is None else chosen.peer_rounds
        for turn in range(chosen.rounds):
            here = [each for each in programs if each.bare or turn < peer_rounds]
            for streams in chosen.streams:
                at = turn % len(here)
                for client in here[at:] + here[:at]:
                    runs.append(run(client, chosen.mock, streams, chosen.seconds, turn))
                    say(f"round {turn + 1}: {runs[-1].line()}")
    bars = judge(runs, {streams: ideal_per_s(streams) for streams in chosen.streams})
    print(table(runs, {streams: ideal_per_s(streams) for streams in chosen.streams}, bars, missing))
    if chosen.out:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
            "versions": {each.name: each.version() for each in programs},
            "missing": missing,
            "bars": [vars(bar) for bar in bars],
            "runs": [each.record() for each in runs],
        }
        chosen.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0 if all(bar.held is not False for bar in bars) else 1


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
