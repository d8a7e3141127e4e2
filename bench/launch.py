"""Run a command and say what it used: `python -I -S bench/launch.py REPORT COMMAND …`, JSON to the file REPORT.

A process of its own, and a small one: the system counts the memory of whoever starts a program as the program's.
"""

import json
import os
import sys
import time


def main(report: str, *command: str) -> None:
    started = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _pid, status, usage = os.wait4(pid, 0)
    used = {"wall": time.monotonic() - started, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * 1024}
    with open(report, "w") as file:  # noqa: PTH123 (pathlib is large)
        json.dump(used | {"status": os.waitstatus_to_exitcode(status)}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
