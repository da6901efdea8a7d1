"""`python -m infra.openstack_lab up|down|status|wipe`: what the make targets call."""

import argparse
import sys
import time

from infra.openstack_lab import control, processes
from infra.openstack_lab.layout import Lab, LabError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; errors that a person can do something about are one line."""
    parser = argparse.ArgumentParser(prog="openstack-lab", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "status", "wipe"))
    command = parser.parse_args(arguments).command
    lab = Lab()
    started_s = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started_s:5.0f} s] {text}", flush=True)

    try:
        if command == "up":
            control.up(lab, say)
        elif command == "status":
            running = processes.started(lab)
            print("\n".join(running) or "nothing runs")
            return 0 if running else 1
        else:
            control.down(lab, wipe=command == "wipe")
    except LabError as error:
        print(f"openstack-lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
