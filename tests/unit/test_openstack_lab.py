"""What the lab's commands tell: why it can't run here, and what its logs end with."""

import os

import pytest

from infra.openstack_lab import __main__ as command
from infra.openstack_lab import control, packages
from infra.openstack_lab.layout import Lab


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without MariaDB and RabbitMQ."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packages, "find", lambda _name: None)
    monkeypatch.setattr(packages, "RABBITMQ", tmp_path / "rabbitmq-server")
    return tmp_path


def test_who_may_not_install_is_told_what_is_missing_and_how_to_get_it(
    bare, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command.main(["possible"]) == command.IMPOSSIBLE
    told = capsys.readouterr().out
    assert "mariadbd, mariadb-install-db, epmd, rabbitmq-server" in told
    assert "apt-get install --no-install-recommends mariadb-server rabbitmq-server" in told


def test_root_with_apt_can_have_it(bare, monkeypatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert command.main(["possible"]) == command.IMPOSSIBLE, "no apt-get on PATH"
    (bare / "apt-get").touch(0o755)
    assert command.main(["possible"]) == 0


def test_the_ends_of_logs_hold_the_errors_from_before(tmp_path) -> None:
    lab = Lab(state=tmp_path)
    lab.logs.mkdir()
    lines = ["old", "at 1 ERROR nova: no host", *(f"line {n}" for n in range(20))]
    (lab.logs / "nova-api.log").write_text("\n".join(lines))
    (lab.logs / "short.log").write_text("only this")
    told = control.tails(lab, lines=3).splitlines()
    assert told == [
        "==> nova-api.log", "at 1 ERROR nova: no host", "...", "line 17", "line 18", "line 19",
        "==> short.log", "...", "only this",
    ]  # fmt: skip
