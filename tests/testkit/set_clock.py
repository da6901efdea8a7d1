"""Runs a `warmfront` command whose wall clock is set while it runs: FILE holds by how many seconds.

`python -m tests.testkit.set_clock FILE COMMAND...`. All that Python code asks for the time of day
is moved; monotonic clocks and the broker's time are not, as on a machine whose clock is set.
"""

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

LOOK_EVERY_S = 0.05


def follow(file: Path, now: time_machine.Traveller, real_s: float, began_s: float) -> None:
    """Set the clock to what the file says, again and again."""
    moved_s = 0.0
    while True:
        time.sleep(LOOK_EVERY_S)
        by_s = float(file.read_text() or 0) if file.exists() else 0.0
        if by_s != moved_s:
            moved_s = by_s
            true_s = real_s + time.monotonic() - began_s
            now.move_to(datetime.fromtimestamp(true_s, UTC) + timedelta(seconds=by_s))
            print(f"the clock was set by {by_s:.0f} s", flush=True)  # noqa: T201


def main() -> None:
    file = Path(sys.argv[1])
    sys.argv = ["warmfront", *sys.argv[2:]]
    real_s, began_s = time.time(), time.monotonic()
    with time_machine.travel(real_s, tick=True) as now:
        threading.Thread(target=follow, args=(file, now, real_s, began_s), daemon=True).start()
        from streams.cli import main as warmfront  # noqa: PLC0415 - after the clock is ours

        warmfront()


if __name__ == "__main__":
    main()
