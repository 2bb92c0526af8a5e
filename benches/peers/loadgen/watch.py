"""What a tree of processes takes while it runs, read from /proc a few times a second.

For programs that start others: the kernel's account of a process counts children only once they
have ended, and memory only of the largest.
"""

import os
import threading
import time
from bisect import bisect_left

PERIOD_S = 0.2
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Watch:
    """Watches a process and its descendants from a thread."""

    def __init__(self, root: int) -> None:
        self._root = root
        # (nanoseconds of the monotonic clock, CPU seconds so far)
        self._cpu: list[tuple[int, float]] = [(time.monotonic_ns(), 0.0)]
        self._of: dict[int, float] = {}
        self.peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def cpu_between(self, begin: int, end: int) -> float:
        return self._at(end) - self._at(begin)

    def _at(self, moment: int) -> float:
        after = bisect_left(self._cpu, (moment, 0.0))
        if after == 0 or after == len(self._cpu):
            return self._cpu[min(after, len(self._cpu) - 1)][1]
        (t0, c0), (t1, c1) = self._cpu[after - 1 : after + 1]
        return c0 + (c1 - c0) * (moment - t0) / (t1 - t0)

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self._sample()

    def _sample(self) -> None:
        stats = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and (stat := _stat(int(name))):
                stats[int(name)] = stat
        tree = {self._root}
        # A child may have a smaller number than its parent: until no more are found.
        while found := {pid for pid, stat in stats.items() if stat[0] in tree} - tree:
            tree |= found
        here = [pid for pid in tree if pid in stats]
        for pid in here:
            # Of a process that has ended, its last reading stays.
            self._of[pid] = stats[pid][1]
        self._cpu.append((time.monotonic_ns(), sum(self._of.values())))
        self.peak_bytes = max(self.peak_bytes, sum(_memory_bytes(pid) for pid in here))


def _stat(pid: int) -> tuple[int, float] | None:
    """The parent and the CPU seconds."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _memory_bytes(pid: int) -> int:
    """Its proportional share of the memory that it uses, so that none is counted twice."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            shares = [line.split()[1] for line in file if line.startswith("Pss:")]
    except (OSError, ProcessLookupError):
        return 0
    return int(shares[0]) * 1024 if shares else 0
