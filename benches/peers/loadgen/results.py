"""The runs, their medians, the bars, and the table."""

import statistics
from dataclasses import asdict, dataclass, field

from truth import Figures

NOTHING = Figures(None, None, None, None)
ERRORS = tuple(vars(NOTHING))

# What mtok is held to.
REACHED_LEAST = 0.95  # of the ideal rate, by the control, for errors to count at all
ERROR_RATIO_MOST, ERROR_FLOOR_MS = 1.2, 0.2
RATE_LEAST = 0.98  # of the control's
CPU_RATIO_MOST, CPU_OF_AIPERF_MOST = 1.5, 1 / 8
STARTUP_MOST_S = 0.1
MEMORY_MOST_MB = 64
OURS, BARE, TIMED, AIPERF = "mtok", "control", "control, timed", "aiperf"


@dataclass
class Run:
    """One program, once. None: not known."""

    client: str
    streams: int
    turn: int
    reported: Figures = NOTHING
    true: Figures = NOTHING
    errors_ms: Figures = NOTHING
    chunks: int | None = None
    chunks_per_s: float | None = None
    # Of the whole tree of processes, from start to end; and of a peer also from its first request
    # to its last token, without what it takes to start.
    cpu_s: float | None = None
    cpu_loaded_s: float | None = None
    startup_s: float | None = None
    peak_bytes: int | None = None
    # By how much the mock missed its own times, p99: it shares the machine with its clients.
    mock_late_ms: float | None = None
    error: str | None = None

    @property
    def cpu_per_1000(self) -> float | None:
        return None if self.cpu_s is None else self.cpu_s / self.chunks * 1000

    @property
    def cpu_loaded_per_1000(self) -> float | None:
        return None if self.cpu_loaded_s is None else self.cpu_loaded_s / self.chunks * 1000

    def record(self) -> dict:
        return {
            **asdict(self),
            "cpu_s_per_1000_chunks": self.cpu_per_1000,
            "cpu_loaded_s_per_1000_chunks": self.cpu_loaded_per_1000,
        }

    def line(self) -> str:
        head = f"{self.client}, {self.streams} streams: "
        if self.error:
            return head + self.error
        errors = ", ".join(number(value, 3) for value in vars(self.errors_ms).values())
        return head + (
            f"errors {errors} ms; {number(self.chunks_per_s, 0)} tok/s; "
            f"{number(self.cpu_per_1000, 4)} CPU s per 1,000"
        )


@dataclass
class Bar:
    """What was asked, what was reached; `held` is None where it can't be told."""

    what: str
    streams: int
    reached: float | None
    limit: float | None
    held: bool | None = field(init=False)
    # Whether more is better.
    least: bool = False

    def __post_init__(self) -> None:
        if self.reached is None or self.limit is None:
            self.held = None
        else:
            self.held = (
                self.reached >= self.limit if self.least else self.reached <= self.limit
            )

    def line(self) -> str:
        word = {True: "held", False: "NOT HELD", None: "—"}[self.held]
        bound = "at least" if self.least else "at most"
        return (
            f"  {self.what}, {self.streams} streams: {number(self.reached, 4)} "
            f"({bound} {number(self.limit, 4)}): {word}"
        )


def number(value: float | None, digits: int) -> str:
    return "—" if value is None else f"{value:.{digits}f}"


class Medians:
    """Medians over the rounds, of one program at one number of streams."""

    def __init__(self, runs: list[Run], client: str, streams: int) -> None:
        here = [each for each in runs if (each.client, each.streams) == (client, streams)]
        self.runs = {each.turn: each for each in here if not each.error}
        self.complaints = [each.error for each in here if each.error]

    def of(self, value) -> float | None:
        found = [value(each) for each in self.runs.values()]
        found = [each for each in found if each is not None]
        return statistics.median(found) if found else None

    def error(self, name: str) -> float | None:
        """The median of the errors' sizes."""
        return self.of(lambda run: size(getattr(run.errors_ms, name)))

    def ratio(self, other: "Medians", value) -> float | None:
        """The median of the ratios of runs of the same round."""
        pairs = [(value(self.runs[t]), value(other.runs[t])) for t in self.runs if t in other.runs]
        ratios = [a / b for a, b in pairs if a is not None and b]
        return statistics.median(ratios) if ratios else None


def size(value: float | None) -> float | None:
    return None if value is None else abs(value)


def judge(runs: list[Run], ideal: dict[int, float]) -> list[Bar]:
    """The bars that mtok is held to."""
    if not any(run.client == OURS for run in runs):
        return []
    bars = []
    most = max(ideal)
    for streams, best in ideal.items():
        ours, bare, timed, aiperf = (
            Medians(runs, client, streams) for client in (OURS, BARE, TIMED, AIPERF)
        )
        rate = timed.of(lambda run: run.chunks_per_s)
        if rate is not None and rate >= REACHED_LEAST * best:
            for name in ERRORS:
                theirs = timed.error(name)
                limit = None if theirs is None else max(ERROR_RATIO_MOST * theirs, ERROR_FLOOR_MS)
                bars.append(Bar(f"{name} error, ms", streams, ours.error(name), limit))
        cpu = lambda run: run.cpu_per_1000  # noqa: E731
        bars.append(
            Bar("CPU per chunk, of the control's", streams, ours.ratio(bare, cpu), CPU_RATIO_MOST)
        )
        if aiperf.runs or aiperf.complaints:
            of_aiperf = ours.ratio(aiperf, cpu)
            bars.append(Bar("CPU per chunk, of aiperf's", streams, of_aiperf, CPU_OF_AIPERF_MOST))
        startup = ours.of(lambda run: run.startup_s)
        bars.append(Bar("start-up to first request, s", streams, startup, STARTUP_MOST_S))
        if streams == most:
            rates = ours.ratio(bare, lambda run: run.chunks_per_s)
            bars.append(Bar("rate, of the control's", streams, rates, RATE_LEAST, least=True))
            memory = ours.of(lambda run: run.peak_bytes / 1e6)
            bars.append(Bar("peak memory, MB", streams, memory, MEMORY_MOST_MB))
    return bars


def table(runs: list[Run], ideal: dict[int, float], bars: list[Bar], missing: list[str]) -> str:
    columns = (
        f"{'':16}{'TTFT p50':>10}{'p99':>9}{'ITL p50':>9}{'p99':>9}{'tok/s':>9}{'of ideal':>9}"
        f"{'CPU s':>9}{'of control':>11}{'loaded':>9}{'start-up':>9}{'MB':>7}{'mock late':>11}"
    )
    lines = [
        "Medians. Errors against the server's log in ms; CPU seconds per 1,000 chunks, whole and",
        "from the first request to the last token; by how many ms the mock itself was late (p99).",
    ]
    for streams, best in ideal.items():
        lines += ["", f"{streams} streams, ideal {best:.0f} tok/s", columns]
        bare = Medians(runs, BARE, streams)
        for client in dict.fromkeys(run.client for run in runs):
            own = Medians(runs, client, streams)
            if own.complaints and not own.runs:
                lines.append(f"  {client:14}  {own.complaints[-1]}")
                continue
            errors = [
                own.of(lambda run, name=name: getattr(run.errors_ms, name)) for name in ERRORS
            ]
            rate = own.of(lambda run: run.chunks_per_s)
            share = None if rate is None else rate / best * 100
            startup = own.of(lambda run: run.startup_s)
            ratio = own.ratio(bare, lambda run: run.cpu_per_1000)
            lines.append(
                f"  {client:14}{number(errors[0], 3):>10}"
                + "".join(f"{number(each, 3):>9}" for each in errors[1:])
                + f"{number(rate, 0):>9}{number(share, 1):>8}%"
                + f"{number(own.of(lambda run: run.cpu_per_1000), 4):>9}{number(ratio, 2):>11}"
                + f"{number(own.of(lambda run: run.cpu_loaded_per_1000), 4):>9}"
                + f"{number(startup, 2):>9}"
                + f"{number(own.of(lambda run: run.peak_bytes / 1e6), 0):>7}"
                + f"{number(own.of(lambda run: run.mock_late_ms), 2):>11}"
                + ("  failed in some rounds" if own.complaints else "")
            )
    lines += ["", *missing]
    if bars:
        lines += ["What mtok is held to:", *(bar.line() for bar in bars)]
    return "\n".join(lines)
