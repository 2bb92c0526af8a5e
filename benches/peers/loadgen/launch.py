"""Runs a program and says what it took, on the last line of standard error, as JSON.

    launch.py PROGRAM [ARGUMENT…]

A process of its own, and a small one: the peak of memory that the kernel keeps for a program is at
least that of the process which started it.
"""

import json
import os
import sys
import time

started = time.monotonic_ns()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
code = os.waitstatus_to_exitcode(status)
print(
    "\n"
    + json.dumps(
        {
            "started_ns": started,
            "code": code,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "peak_bytes": usage.ru_maxrss * 1024,
        }
    ),
    file=sys.stderr,
    flush=True,
)
sys.exit(0 if code == 0 else 1)
