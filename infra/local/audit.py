"""Asks a public database (OSV) for known holes in the locked packages.

`python -m infra.local.audit`. Exit code 0: none is known; 1: at least one is; 3: the database could
not be asked, so nothing is known. The answer is kept in reports/audit.json.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
DATABASE = "https://api.osv.dev/v1/query"
CLEAN, HOLES, NOT_ASKED = 0, 1, 3
TIMEOUT_S = 10


def audit(lock: Path, report: Path, database: str = DATABASE) -> int:
    """Audit a lock and say what was found.

    Parameters
    ----------
    lock
        Requirements with versions and hashes.
    report
        Where pip-audit's answer is kept, as JSON.
    database
        Address of an OSV database.
    """
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "pip_audit", "--strict", "--require-hashes", "--disable-pip",
        "--progress-spinner", "off", "--timeout", str(TIMEOUT_S), "-s", "osv",
        "--osv-url", database, "-f", "json", "-o", str(report), "-r", str(lock),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not report.exists():
        last = (done.stderr.strip() or "no reason given").splitlines()[-1]
        print(f"NOT audited, nothing is known: {database} could not be asked ({last[:300]})")
        return NOT_ASKED
    audited, holes = read(json.loads(report.read_text(encoding="utf-8")))
    print(f"{audited} packages audited, {len(holes)} known holes")
    for hole in holes:
        print(f"  {hole}")
    return HOLES if holes else CLEAN


def read(answer: dict[str, Any]) -> tuple[int, list[str]]:
    """Return how many packages were audited, and a line for each hole.

    Examples
    --------
    >>> hole = {"id": "PYSEC-1", "fix_versions": ["1.1"]}
    >>> read({"dependencies": [{"name": "a", "version": "1.0", "vulns": [hole]}]})
    (1, ['a 1.0: PYSEC-1, mended in 1.1'])
    """
    packages = [package for package in answer["dependencies"] if "vulns" in package]
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}, "
        f"mended in {', '.join(hole['fix_versions']) or 'no version'}"
        for package in packages
        for hole in package["vulns"]
    ]
    return len(packages), holes


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--database", default=DATABASE)
    asked = options.parse_args().database
    sys.exit(audit(REPOSITORY / "requirements.lock", REPOSITORY / "reports" / "audit.json", asked))
