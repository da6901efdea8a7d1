"""The long tier of the fault tests, `make soak`: rounds with seeds of their own and one report.

SOAK_ROUNDS sets how many rounds (5), SOAK_SEED the first seed (the clock's, printed), and the
variables of the tests how often each fault strikes in a round; see docs/how-to/soak.md.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
REPORTS = REPOSITORY / "reports" / "faults"
# Five rounds make 200 kills, 100 stops, 30 kills of the broker, as the aims ask for.
PER_ROUND = {
    "WARMFRONT_KILLS": 40, "WARMFRONT_KILL_EVENTS": 40_000,
    "WARMFRONT_STOPS": 20, "WARMFRONT_STOP_EVENTS": 20_000,
    "WARMFRONT_PAUSES": 4, "WARMFRONT_BROKER_KILLS": 6,
    "WARMFRONT_CONNECTION_STRIKES": 12, "WARMFRONT_CONNECTION_EVENTS": 20_000,
    "WARMFRONT_REBALANCES": 5, "WARMFRONT_REBALANCE_EVENTS": 20_000,
    "WARMFRONT_CLUSTER_KILLS": 6, "WARMFRONT_CLUSTER_EVENTS": 6_000,
    "WARMFRONT_CLOCK_JUMPS": 12,
}  # fmt: skip


def main() -> int:
    """Run the rounds; returns 1 where one failed, or injected nothing."""
    seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 10**8))
    rounds = [play(seed + number) for number in range(int(os.environ.get("SOAK_ROUNDS", "5")))]
    report = {"rounds": rounds, "ok": all(is_good(done) for done in rounds)}
    (REPOSITORY / "reports" / "soak.json").write_text(json.dumps(report, indent=1))
    print(f"reports/soak.json: {'good' if report['ok'] else 'FAILED'}", flush=True)  # noqa: T201
    return 0 if report["ok"] else 1


def play(seed: int) -> dict[str, Any]:
    """Run all fault tests once, and return what was injected."""
    print(f"seed {seed}", flush=True)  # noqa: T201 - to play it again
    for old in REPORTS.glob("*.json"):
        old.unlink()
    sizes = {name: os.environ.get(name, str(size)) for name, size in PER_ROUND.items()}
    began_s = time.monotonic()
    arguments = os.environ.get("SOAK_TESTS", "tests/faults tests/property/test_crash.py").split()
    code = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=REPOSITORY, env={**os.environ, **sizes, "WARMFRONT_SEED": str(seed)}, check=False,
    ).returncode  # fmt: skip
    injected = {path.stem: json.loads(path.read_text()) for path in sorted(REPORTS.glob("*.json"))}
    return {
        "seed": seed, "exit_code": code, "took_s": round(time.monotonic() - began_s),
        "injected": injected,
    }  # fmt: skip


def is_good(done: dict[str, Any]) -> bool:
    """Whether a round passed and injected something in every test that reports.

    Examples
    --------
    >>> is_good({"exit_code": 0, "injected": {"kills": {"strikes": 3}}})
    True
    >>> is_good({"exit_code": 0, "injected": {"kills": {"strikes": 0}}})
    False
    >>> is_good({"exit_code": 0, "injected": {}})
    False
    """
    injected = done["injected"].values()
    return (
        done["exit_code"] == 0
        and bool(injected)
        and all(facts["strikes"] > 0 for facts in injected)
    )


if __name__ == "__main__":
    sys.exit(main())
