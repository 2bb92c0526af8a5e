"""What the mock server did, from its own log: the truth that programs are compared with.

Invariant: a figure and its truth are of the same requests, and percentiles of both are interpolated
linearly between the ranks (type 7 of Hyndman and Fan, which mtok, numpy and pandas use).
"""

import json
import subprocess
import urllib.request
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

NS_PER_MS = 1e6
NS_PER_S = 1e9


@dataclass(frozen=True)
class Request:
    """A request in the log; times in nanoseconds of the monotonic clock."""

    read: int
    writes: list[int]
    done: bool


@dataclass(frozen=True)
class Figures:
    """Milliseconds; None where there are too few samples for a percentile."""

    ttft_p50: float | None
    ttft_p99: float | None
    itl_p50: float | None
    itl_p99: float | None

    def minus(self, other: "Figures") -> "Figures":
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Figures(*(None if a is None or b is None else a - b for a, b in pairs))


def percentile(samples: list[float], share: float) -> float | None:
    """None unless a sample is expected above it."""
    if len(samples) * (1 - share) < 1 - 1e-9:
        return None
    ordered = sorted(samples)
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def figures(ttfts_ns: list[float], itls_ns: list[float]) -> Figures:
    samples = [[value / NS_PER_MS for value in values] for values in (ttfts_ns, itls_ns)]
    return Figures(*(percentile(each, share) for each in samples for share in (0.5, 0.99)))


def of_requests(requests: list[tuple[int, list[int]]], per_request: bool = False) -> Figures:
    """Of (begin, tokens' times). `per_request`: an ITL is the mean of a request's gaps."""
    ttfts = [tokens[0] - begin for begin, tokens in requests if tokens]
    if per_request:
        itls = [(t[-1] - t[0]) / (len(t) - 1) for _, t in requests if len(t) > 1]
    else:
        itls = [after - before for _, t in requests for before, after in pairwise(t)]
    return figures(ttfts, itls)


class Log:
    """All requests of one run."""

    def __init__(self, requests: list[Request]) -> None:
        self.requests = sorted(requests, key=lambda request: request.read)

    @property
    def chunks(self) -> int:
        return sum(len(request.writes) for request in self.requests)

    @property
    def first_read(self) -> int:
        return self.requests[0].read

    @property
    def last_write(self) -> int:
        return max(request.writes[-1] for request in self.requests if request.writes)

    def figures(self, begin: int = 0, end: int = 2**63, per_request: bool = False) -> Figures:
        """Of the requests that were read in [begin, end) and answered to their end."""
        chosen = [each for each in self.requests if each.done and begin <= each.read < end]
        return of_requests([(each.read, each.writes) for each in chosen], per_request)

    def late_ms(self, ttft_s: float, itl_s: float) -> float | None:
        """By how much writes missed the times that the mock set itself, 99th percentile."""
        late = [
            (at - each.read) / NS_PER_MS - (ttft_s + index * itl_s) * 1e3
            for each in self.requests
            for index, at in enumerate(each.writes)
        ]
        return percentile(late, 0.99)

    def chunks_per_s(self, warmup_s: float) -> float | None:
        """From so long after the first request on, as long as requests came."""
        begin, end = self.first_read + int(warmup_s * NS_PER_S), self.requests[-1].read
        if end <= begin:
            return None
        count = sum(begin <= at < end for each in self.requests for at in each.writes)
        return count / ((end - begin) / NS_PER_S)


class Mock:
    """The server, as long as it is wanted."""

    def __init__(self, program: Path, options: list[str]) -> None:
        self._process = subprocess.Popen(
            [str(program), *options], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        line = self._process.stdout.readline()
        if not line:
            raise OSError(f"`{program}` did not start")
        self.url = json.loads(line)["url"]

    def __enter__(self) -> "Mock":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def log(self) -> Log:
        with urllib.request.urlopen(f"{self.url}/__log") as answer:
            lines = [json.loads(line) for line in answer]
        return Log(
            [Request(each["read"], each["writes"], each["outcome"] == "done") for each in lines]
        )
