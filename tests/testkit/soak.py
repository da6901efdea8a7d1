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
REPORT = REPOSITORY / "reports" / "soak.json"
# Five rounds make 200 kills, 100 stops, 30 kills of the broker, as the aims ask for.
PER_ROUND = {
    "WARMFRONT_KILLS": 40, "WARMFRONT_KILL_EVENTS": 40_000,
    "WARMFRONT_STOPS": 20, "WARMFRONT_STOP_EVENTS": 20_000,
    "WARMFRONT_PAUSES": 4, "WARMFRONT_BROKER_KILLS": 6,
    "WARMFRONT_CONNECTION_STRIKES": 12, "WARMFRONT_CONNECTION_EVENTS": 20_000,
    "WARMFRONT_REBALANCES": 5, "WARMFRONT_REBALANCE_EVENTS": 20_000,
    "WARMFRONT_CLUSTER_KILLS": 6, "WARMFRONT_CLUSTER_EVENTS": 6_000,
    "WARMFRONT_CLOCK_JUMPS": 12, "WARMFRONT_CRASH_ONE_IN": 1, "WARMFRONT_REGISTRY_KILLS": 4,
    "WARMFRONT_MUTATIONS": 200_000,
    "WARMFRONT_ALLOCATOR_OPERATIONS": 20_000, "WARMFRONT_ALLOCATOR_KILLS": 200,
}  # fmt: skip
FOLDER = "tests/faults"
# The report that a file leaves; one that was played and left none has injected nothing.
REPORT_OF = {
    "test_worker_kills.py": "worker-kills", "test_worker_stops.py": "worker-stops",
    "test_worker_pauses.py": "worker-pauses", "test_broker_kills.py": "broker-kills",
    "test_broker_of_three.py": "one-of-three-brokers", "test_connections.py": "connections",
    "test_rebalance.py": "rebalance", "test_clock_set.py": "clock-jumps",
    "test_crash_points_allocator.py": "allocator-crash-points",
    "test_crash_points_worker.py": "worker-crash-points",
    "test_mutated_messages.py": "mutated-messages", "test_mutated_requests.py": "mutated-requests",
    "test_mutated_shown.py": "mutated-shown", "test_registry_kills.py": "registry-kills",
    "test_allocator_soak.py": "allocator-soak", "test_openstack_soak.py": "openstack-soak",
}  # fmt: skip


def main() -> int:
    """Run the rounds; returns 1 where one failed, or injected nothing."""
    seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 10**8))
    rounds = [play(seed + number) for number in range(int(os.environ.get("SOAK_ROUNDS", "5")))]
    report = {"rounds": rounds, "ok": all(is_good(done) for done in rounds)}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1))
    print(f"reports/soak.json: {'good' if report['ok'] else 'FAILED'}", flush=True)  # noqa: T201
    return 0 if report["ok"] else 1


def play(seed: int) -> dict[str, Any]:
    """Run all fault tests once, and return what was injected."""
    print(f"seed {seed}", flush=True)  # noqa: T201 - to play it again
    for old in REPORTS.glob("*.json"):
        old.unlink()
    sizes = {name: os.environ.get(name, str(size)) for name, size in PER_ROUND.items()}
    began_s = time.monotonic()
    arguments = os.environ.get("SOAK_TESTS", f"{FOLDER} tests/property/test_crash.py").split()
    code = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments],
        cwd=REPOSITORY, env={**os.environ, **sizes, "WARMFRONT_SEED": str(seed)}, check=False,
    ).returncode  # fmt: skip
    injected = {path.stem: json.loads(path.read_text()) for path in sorted(REPORTS.glob("*.json"))}
    return {
        "seed": seed, "exit_code": code, "took_s": round(time.monotonic() - began_s),
        "wanted": wanted(arguments), "injected": injected,
    }  # fmt: skip


def wanted(arguments: list[str]) -> list[str]:
    """Return the names of the reports that a round of tests has to leave.

    Examples
    --------
    >>> wanted(["tests/faults/test_worker_kills.py", "tests/property/test_crash.py"])
    ['worker-kills']
    >>> len(wanted(["tests/faults"])) == len(REPORT_OF)
    True
    """
    played = [Path(argument.partition("::")[0]) for argument in arguments]
    files = {name: Path(FOLDER) / name for name in REPORT_OF}
    return [
        REPORT_OF[name]
        for name, file in files.items()
        if any(file == path or path in file.parents for path in played)
    ]


def is_good(done: dict[str, Any]) -> bool:
    """Whether a round passed and injected something in every test that has to.

    Examples
    --------
    >>> is_good({"exit_code": 0, "wanted": ["a"], "injected": {"a": {"strikes": 3}}})
    True
    >>> is_good({"exit_code": 0, "wanted": ["a"], "injected": {"a": {"strikes": 0}}})
    False
    >>> is_good({"exit_code": 0, "wanted": ["a", "b"], "injected": {"a": {"strikes": 3}}})
    False
    >>> is_good({"exit_code": 0, "wanted": [], "injected": {}})
    False
    """
    injected = done["injected"]
    return (
        done["exit_code"] == 0
        and bool(injected)
        and all(facts["strikes"] > 0 for facts in injected.values())
        and set(done["wanted"]) <= set(injected)
    )


if __name__ == "__main__":
    sys.exit(main())
