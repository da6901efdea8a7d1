"""The long tier of the fault tests fails where nothing was injected, though all tests pass."""

import json
from pathlib import Path

import pytest

from tests.testkit import soak

STRIKING = """
import json, os
from pathlib import Path
def test_something():
    report = Path(os.environ["REPORTS"]) / "worker-kills.json"
    report.write_text(json.dumps({"strikes": int(os.environ["STRIKES"])}))
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a soak of one round over one test file, with folders of its own."""

    def run(source: str, strikes: int = 0) -> tuple[int, dict]:
        reports = tmp_path / "reports" / "faults"
        reports.mkdir(parents=True)
        test = tmp_path / "test_it.py"
        test.write_text(source)
        monkeypatch.setattr(soak, "REPORTS", reports)
        monkeypatch.setattr(soak, "REPORT", tmp_path / "reports" / "soak.json")
        for name, value in {
            "SOAK_TESTS": f"{test} -p no:cacheprovider --noconftest",
            "SOAK_ROUNDS": "1", "SOAK_SEED": "7",
            "REPORTS": str(reports), "STRIKES": str(strikes),
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        return soak.main(), json.loads((tmp_path / "reports" / "soak.json").read_text())

    return run


def test_a_fault_that_was_asked_for_and_did_not_strike_fails(play) -> None:
    code, report = play(STRIKING, strikes=0)
    assert (code, report["rounds"][0]["injected"]) == (1, {"worker-kills": {"strikes": 0}})


def test_a_round_that_struck_and_held_is_good(play) -> None:
    code, report = play(STRIKING, strikes=3)
    assert (code, report["ok"], report["rounds"][0]["seed"]) == (0, True, 7)


def test_every_report_of_a_fault_test_is_asked_for() -> None:
    sources = {
        path.name: path.read_text() for path in (soak.REPOSITORY / soak.FOLDER).glob("test_*.py")
    }
    writing = {n for n, text in sources.items() if "UnderFire(" in text or "write_report(" in text}
    assert writing == set(soak.REPORT_OF)
    for name, report in soak.REPORT_OF.items():
        assert f'"{report}"' in sources[name]


def test_every_report_says_how_long_recovery_took() -> None:
    for name in soak.REPORT_OF:
        text = (soak.REPOSITORY / soak.FOLDER / name).read_text()
        assert "UnderFire(" in text or "recovered_s" in text, name
