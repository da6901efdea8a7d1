"""`python -m infra.openstack_lab up|down|status|wipe|tails|possible`: what make and CI call."""

import argparse
import contextlib
import os
import signal
import sys
import time

import psutil

from infra.openstack_lab import control, packages, processes
from infra.openstack_lab.layout import Lab, LabError

COMMANDS = ("up", "down", "status", "wipe", "tails", "possible")
# How `possible` ends on a machine that can't run the lab: no other failure ends so.
IMPOSSIBLE = 3


def main(arguments: list[str] | None = None) -> int:
    """Run a command; errors that a person can do something about are one line."""
    parser = argparse.ArgumentParser(prog="openstack-lab", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    command = parser.parse_args(arguments).command
    lab = Lab()
    started_s = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started_s:5.0f} s] {text}", flush=True)

    try:
        if command == "up":
            signal.signal(signal.SIGTERM, _cut_short)
            control.up(lab, say)
        elif command == "status":
            running = processes.started(lab)
            print("\n".join(running) or "nothing runs")
            return 0 if running else 1
        elif command == "tails":
            print(control.tails(lab))
        elif command == "possible":
            if reason := packages.unavailable():
                print(reason)
                return IMPOSSIBLE
        elif command == "wipe":
            control.wipe(lab)
        else:
            control.down(lab)
    except LabError as error:
        print(f"openstack-lab: {error}", file=sys.stderr)
        return 1
    return 0


def _cut_short(*_: object) -> None:
    """End what a start waits for, and leave by an exception, so that all is put back.

    What was started for good has a session of its own and is left to `wipe`; an apt that is cut
    off would leave half-installed packages behind, so that one is waited for.
    """
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getsid(child.pid) == os.getsid(0) and child.name() != "apt-get":
                child.terminate()
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
