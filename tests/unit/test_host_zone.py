"""The zone that a host is set to."""

from pathlib import Path

import pytest

from streams.collect.host_zone import host_zone
from streams.runtime.zones import zone_named


def test_the_link_of_localtime_tells_the_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TZ", raising=False)
    target = tmp_path / "zoneinfo" / "Europe" / "Berlin"
    target.parent.mkdir(parents=True)
    target.touch()
    (tmp_path / "localtime").symlink_to(target)
    assert host_zone(tmp_path / "localtime") == "Europe/Berlin"
    assert host_zone(tmp_path / "absent") is None


def test_tz_goes_first_and_nonsense_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert host_zone(tmp_path / "absent") == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    assert host_zone(tmp_path / "absent") is None


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "/etc/passwd", "No/Where", "a\0b"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone_named(name) is None
