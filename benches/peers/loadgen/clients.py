"""The load generators: how each is asked for the same load, and where it says what it saw.

Each is asked for so many streams in a closed loop, prompts of 128 tokens and answers of 100, and
takes token counts from the server where it can. What it calls ITL is compared with the truth of the
same name: each gap, or the mean of a request's gaps.
"""

import json
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from truth import NS_PER_S, Figures, Log, of_requests

PROMPT_TOKENS = 128
TOKENS = 100
WARMUP_S = 1.0


@dataclass(frozen=True)
class Load:
    """What is asked for."""

    url: str
    streams: int
    seconds: float
    # A folder of this run's own.
    folder: Path


class Client(ABC):
    """A program under comparison."""

    name: str
    # Whether it is one process that starts at once: its whole CPU time is that of its load.
    bare = False
    # Whether it gets the time that a 99th percentile needs: see `seconds` in the script.
    long_runs = False

    @abstractmethod
    def command(self, load: Load) -> list[str]: ...

    @abstractmethod
    def saw(self, load: Load, output: str, log: Log) -> tuple[Figures, Figures]:
        """What it reports, and the truth of the same requests."""

    def environment(self, load: Load) -> dict[str, str]:
        return dict(os.environ)

    def version(self) -> str | None:
        return None


class Ours(Client):
    name = "mtok"
    bare = True
    long_runs = True

    def __init__(self, program: Path) -> None:
        self.program = program

    def command(self, load: Load) -> list[str]:
        return [
            *(str(self.program), "bench", "mock", "--target", load.url),
            *("--concurrency", str(load.streams)),
            *("--prompt-tokens", str(PROMPT_TOKENS), "--output-tokens", str(TOKENS)),
            *("--duration", f"{load.seconds:g}s", "--warmup", f"{WARMUP_S:g}s", "--json"),
        ]

    def environment(self, load: Load) -> dict[str, str]:
        return {**os.environ, "MTOK_HOME": str(load.folder / "home")}

    def saw(self, load: Load, output: str, log: Log) -> tuple[Figures, Figures]:
        summary = json.loads(output)["summary"]

        def ms(latency: str, percentile: str) -> float | None:
            estimate = summary[latency][percentile]
            return None if estimate is None else estimate["value"] * 1e3

        reported = Figures(
            *(ms(latency, share) for latency in ("ttft", "itl") for share in ("p50", "p99"))
        )
        # Its clock starts with its first request, but for the time of sending it.
        window = summary["window"]
        begin, end = (log.first_read + window[name] for name in ("from", "to"))
        return reported, log.figures(begin, end)


class Control(Client):
    bare = True
    long_runs = True

    def __init__(self, program: Path, record: bool) -> None:
        self.program = program
        self.record = record
        self.name = "control, timed" if record else "control"

    def command(self, load: Load) -> list[str]:
        record = ["--record", str(load.folder / "samples.jsonl")] if self.record else []
        return [
            *(str(self.program), load.url.removeprefix("http://")),
            *("--concurrency", str(load.streams), "--seconds", str(load.seconds + WARMUP_S)),
            *("--tokens", str(TOKENS), "--prompt", str(PROMPT_TOKENS), *record),
        ]

    def saw(self, load: Load, output: str, log: Log) -> tuple[Figures, Figures]:
        if not self.record:
            nothing = Figures(None, None, None, None)
            return nothing, nothing
        with open(load.folder / "samples.jsonl") as file:
            samples = [json.loads(line) for line in file]
        warm = min(sample["sent"] for sample in samples) + int(WARMUP_S * NS_PER_S)
        chosen = [(each["sent"], each["tokens"]) for each in samples if each["sent"] >= warm]
        return of_requests(chosen), log.figures(warm)


class Aiperf(Client):
    name = "aiperf"

    def __init__(self, venv: Path, tokenizer: Path) -> None:
        self.venv = venv
        self.tokenizer = tokenizer

    def version(self) -> str | None:
        return installed(self.venv, "aiperf")

    def command(self, load: Load) -> list[str]:
        return [
            *(str(self.venv / "bin/aiperf"), "profile", "--model", "mock", "--url", load.url),
            *("--endpoint-type", "chat", "--streaming", "--use-server-token-count"),
            *("--tokenizer", str(self.tokenizer), "--concurrency", str(load.streams)),
            *("--benchmark-duration", f"{load.seconds:g}"),
            *("--isl", str(PROMPT_TOKENS), "--isl-stddev", "0"),
            *("--osl", str(TOKENS), "--osl-stddev", "0"),
            *("--ui", "none", "--artifact-dir", str(load.folder)),
        ]

    def environment(self, load: Load) -> dict[str, str]:
        # It looks the tokenizer's name up on the hub, a path too, unless there is none; with the
        # hub's own offline switch it takes a path for a name.
        return {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9"}

    def saw(self, load: Load, output: str, log: Log) -> tuple[Figures, Figures]:
        with open(load.folder / "profile_export_aiperf.json") as file:
            export = json.load(file)
        # Its `inter_token_latency` is a mean per request, its `inter_chunk_latency` each gap.
        ttft, gaps = export["time_to_first_token"], export["inter_chunk_latency"]
        return Figures(ttft["p50"], ttft["p99"], gaps["p50"], gaps["p99"]), log.figures()


class Guidellm(Client):
    name = "guidellm"

    def __init__(self, venv: Path, tokenizer: Path) -> None:
        self.venv = venv
        self.tokenizer = tokenizer

    def version(self) -> str | None:
        return installed(self.venv, "guidellm")

    def command(self, load: Load) -> list[str]:
        data = f"prompt_tokens={PROMPT_TOKENS},output_tokens={TOKENS}"
        return [
            *(str(self.venv / "bin/guidellm"), "run", "--disable-console"),
            *("--backend", f"kind=openai_http,target={load.url},model=mock,max_tokens={TOKENS}"),
            *("--profile", f"kind=concurrent,streams={load.streams}"),
            *("--constraint", f"kind=max_duration,seconds={load.seconds:g}"),
            *("--tokenizer", f"kind=huggingface_auto,model={self.tokenizer}"),
            *("--data", f"kind=synthetic_text,{data}"),
            *("--output", f"kind=json,path={load.folder / 'report.json'}"),
        ]

    def environment(self, load: Load) -> dict[str, str]:
        return {**os.environ, "HF_HUB_OFFLINE": "1"}

    def saw(self, load: Load, output: str, log: Log) -> tuple[Figures, Figures]:
        with open(load.folder / "report.json") as file:
            metrics = json.load(file)["benchmarks"][0]["metrics"]
        ttft, itl = (
            metrics[name]["successful"]["percentiles"]
            for name in ("time_to_first_token_ms", "inter_token_latency_ms")
        )
        # Its ITL is a mean per request.
        reported = Figures(ttft["p50"], ttft["p99"], itl["p50"], itl["p99"])
        return reported, log.figures(per_request=True)


def installed(venv: Path, package: str) -> str | None:
    """Its version, or None where it isn't there."""
    found = venv.glob(f"lib/python3*/site-packages/{package}-*.dist-info")
    names = [folder.name.removesuffix(".dist-info") for folder in found]
    return names[0].removeprefix(f"{package}-") if names else None
