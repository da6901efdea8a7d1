"""Bringing near what the next program will touch: which files, how many bytes, and for whom."""

from pathlib import Path

import pytest

from schemas.records import DataTouch, ProgramPrediction
from schemas.settings import Settings
from streams.collect.host import HostCollector, Senses
from streams.collect.nearby import AGAIN_S, Nearby, read_ahead
from tests.testkit.simple_process import process

REF, OTHER = "a" * 16, "b" * 16


def prediction(*touches: tuple[str, float], user: str = "ada") -> ProgramPrediction:
    return ProgramPrediction(
        prediction_id="i", user=user, after_program="mail", made_at=0, candidates=[], model="m",
        data=[DataTouch(data_ref=ref, p=p) for ref, p in touches],
    )  # fmt: skip


class Disk:
    """A disk that says what it was asked for."""

    def __init__(self, size: int = 1000) -> None:
        self.asked: list[str] = []
        self._size = size

    def read(self, path: str, most_bytes: int) -> int:
        if self._size > most_bytes:
            return 0
        self.asked.append(path)
        return self._size


def test_what_is_likely_is_read_once_and_again_only_later() -> None:
    disk = Disk()
    nearby = Nearby(disk.read)
    nearby.saw("ada", REF, "/a")
    nearby.saw("ada", OTHER, "/b")
    said = prediction((REF, 0.9), (OTHER, 0.4), ("c" * 16, 0.99))
    assert nearby.bring(said, 0.0) == 1000
    assert nearby.bring(said, AGAIN_S - 1.0) == 0
    assert nearby.bring(said, AGAIN_S + 1.0) == 1000
    assert disk.asked == ["/a", "/a"]


def test_predictions_of_users_elsewhere_are_not_for_this_host() -> None:
    disk = Disk()
    nearby = Nearby(disk.read)
    nearby.saw("ada", REF, "/usr/lib/big.so")
    assert nearby.bring(prediction((REF, 0.9), user="eve"), 0.0) == 0
    assert disk.asked == []


def test_the_budget_of_bytes_is_kept() -> None:
    disk = Disk(size=400)
    nearby = Nearby(disk.read, bytes_per_s=100.0)
    refs = [f"{k:016x}" for k in range(10)]
    for ref in refs:
        nearby.saw("ada", ref, f"/{ref}")
    nearby.bring(prediction(*((ref, 0.9) for ref in refs)), 0.0)
    assert nearby.brought == 800  # of the 1,000 of ten seconds
    nearby.bring(prediction(*((ref, 0.9) for ref in refs)), 400.0)
    assert nearby.brought == 1600


def test_only_regular_files_within_the_limit_are_read(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"x" * 5000)
    assert read_ahead(str(file), 10_000) == 5000
    assert read_ahead(str(file), 4999) == 0
    assert read_ahead(str(tmp_path), 10_000) == 0
    assert read_ahead(str(tmp_path / "absent"), 10_000) == 0


class Said:
    """A producer that hashes as the real one does, by a rule that a test can see."""

    source = "test"

    def launch(self, *args: object, **fields: object) -> None: ...

    sample = exit = access = launch

    def pseudonym(self, user: str) -> str:
        return f"p-{user}"

    def data_ref(self, name: str) -> str:
        return f"{len(name):016x}"


class Told:
    """Predictions that came since the last look."""

    def __init__(self, *told: ProgramPrediction) -> None:
        self._told = list(told)

    def new(self) -> list[ProgramPrediction]:
        told, self._told = self._told, []
        return told


@pytest.mark.parametrize(("user", "read"), [("p-ada", ["/data/model.bin"]), ("p-eve", [])])
def test_the_collector_brings_near_what_it_saw_itself(
    tmp_path: Path, user: str, read: list[str]
) -> None:
    disk, path = Disk(), "/data/model.bin"
    senses = Senses(lambda: [process(7)], lambda: None, lambda pid: {path})
    told = Told(prediction((f"{len(path):016x}", 0.9), user=user))
    collector = HostCollector(
        Settings(state_dir=tmp_path), Said(), senses=senses, near=(Nearby(disk.read), told)
    )
    collector.look(1000.0)
    collector._bring_near(1001.0)
    collector.close()
    assert disk.asked == read
