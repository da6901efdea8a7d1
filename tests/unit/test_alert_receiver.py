"""Which receiver alerts go to: one, named by the command or by the settings, with its own token."""

from pathlib import Path

import pytest
import typer
from pydantic import ValidationError

from schemas.settings import Settings
from schemas.settings_origin import MASK, shown
from streams.cli.alert_sink import _target
from streams.cli.up import Plan, services
from streams.runtime.alert_bodies import alertmanager_body, webhook_body

HOOK = "https://example.org/hook/a-secret-part"
NAMED = {"bootstrap_servers": "kafka:9092", "registry_url": "http://registry:8080"}


def running(**settings: object) -> list[str]:
    return [s.name for s in services(Plan(Settings(**NAMED, **settings), None, collect=False))]


def test_up_starts_a_sink_only_where_a_receiver_is_named(tmp_path: Path) -> None:
    assert "alert-sink" not in running(state_dir=tmp_path)
    for receiver in ({"alert_webhook": HOOK}, {"alertmanager_url": "http://am:9093"}):
        names = running(state_dir=tmp_path, **receiver)
        assert names.index("alert-sink") > names.index("topics")


def test_the_settings_receiver_is_the_default() -> None:
    hook = _target(Settings(alert_webhook=HOOK, alert_token="t"), None, None, None)
    assert (hook.url, hook.body, hook.token) == (HOOK, webhook_body, "t")
    manager = _target(Settings(alertmanager_url="http://am:9093"), None, None, None)
    assert (manager.url, manager.body) == ("http://am:9093/api/v2/alerts", alertmanager_body)


def test_another_receiver_does_not_get_the_settings_token(tmp_path: Path) -> None:
    settings = Settings(alert_webhook=HOOK, alert_token="t")
    assert _target(settings, "http://other/", None, None).token is None
    (tmp_path / "token").write_text("own\n")
    assert _target(settings, "http://other/", None, tmp_path / "token").token == "own"


@pytest.mark.parametrize(
    ("webhook", "alertmanager", "token"),
    [
        (None, None, None),
        ("http://a/", "http://b/", None),
        ("example.org/hook", None, None),
        (None, "am:9093", None),
        ("http://a/", None, Path("no-such-file")),
    ],
)
def test_what_makes_no_sense_is_bad_input(webhook, alertmanager, token, capsys) -> None:
    with pytest.raises(typer.Exit) as end:
        _target(Settings(), webhook, alertmanager, token)
    assert end.value.exit_code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        {"alert_webhook": "example.org/hook"},
        {"alertmanager_url": "am:9093"},
        {"alert_webhook": HOOK, "alertmanager_url": "http://am:9093"},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)


def test_the_receivers_secrets_are_masked() -> None:
    told = {one.name: one.value for one in shown(Settings(alert_webhook=HOOK, alert_token="t"))}
    assert (told["alert_webhook"], told["alert_token"]) == (MASK, MASK)
