"""Settings come from where people expect, in order, and secrets are never shown."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from confluent_kafka import KafkaError, KafkaException
from typer.testing import CliRunner

from schemas.settings import Settings, SettingsFileError
from schemas.settings_origin import MASK, shown
from streams import cli
from streams.cli import topics

KEY = "a key that nobody may read"


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    """The command line sets logs up for a process of its own, on this test's captured stderr."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings, and no settings in the environment."""
    import os  # noqa: PLC0415

    for name in [n for n in os.environ if n.startswith(("WARMFRONT_", "KAFKA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def origin(name: str) -> str:
    return next(one.origin for one in shown(Settings()) if one.name == name)


def test_a_default_is_told_as_such() -> None:
    assert origin("zone") == "default"
    assert origin("bootstrap_servers") == "default"


def test_environment_beats_secret_file_beats_toml(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "warmfront.toml").write_text('zone = "Europe/Oslo"\npseudonym_key = "toml"\n')
    assert Settings().zone == "Europe/Oslo"
    assert origin("zone") == "warmfront.toml"

    (folder / "secrets").mkdir()
    (folder / "secrets" / "warmfront_pseudonym_key").write_text(KEY)
    monkeypatch.setenv("WARMFRONT_SECRETS_DIR", str(folder / "secrets"))
    key = Settings().pseudonym_key
    assert key is not None
    assert key.get_secret_value() == KEY
    assert origin("pseudonym_key") == f"secret file in {folder / 'secrets'}"

    monkeypatch.setenv("WARMFRONT_PSEUDONYM_KEY", "from the environment")
    assert origin("pseudonym_key") == "environment WARMFRONT_PSEUDONYM_KEY"


def test_kafkas_own_variable_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    assert Settings().bootstrap_servers == "kafka:9092"
    assert origin("bootstrap_servers") == "environment KAFKA_BOOTSTRAP_SERVERS"


@pytest.mark.parametrize("variable", ["WARMFRONT_CONFIG", "WARMFRONT_SECRETS_DIR"])
def test_a_named_place_that_is_missing_is_an_error(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "/nowhere/at/all")
    with pytest.raises(SettingsFileError, match="/nowhere/at/all"):
        Settings()


def test_a_named_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "other.toml").write_text('topic_prefix = "blue."\n')
    monkeypatch.setenv("WARMFRONT_CONFIG", str(folder / "other.toml"))
    assert Settings().topic_prefix == "blue."


@pytest.mark.parametrize("arguments", [("config", "show"), ("config", "show", "--json")])
def test_show_masks_secrets(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMFRONT_PSEUDONYM_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "250")
    done = CliRunner().invoke(cli.build(list(arguments)), arguments)
    assert done.exit_code == 0
    assert MASK in done.output
    assert KEY not in done.output
    if "--json" in arguments:
        assert json.loads(done.output)["pseudonym_key"]["origin"].startswith("environment")


def test_an_unusable_setting_is_told_in_words_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WARMFRONT_LATENESS_S", "much")
    monkeypatch.setattr("sys.argv", ["warmfront", "config", "show"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == cli.UNUSABLE_SETTINGS
    said = capsys.readouterr().err
    assert said.startswith("error: setting lateness_s: ")
    assert "much" not in said


def test_an_unknown_setting_in_the_file_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "warmfront.toml").write_text('tipoc_prefix = "blue."\n')
    monkeypatch.setattr("sys.argv", ["warmfront", "config", "show"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "tipoc_prefix" in capsys.readouterr().err


def test_an_error_of_kafka_ends_a_command_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: Settings) -> list[str]:
        raise KafkaException(KafkaError(KafkaError.POLICY_VIOLATION, "too few copies"))

    monkeypatch.setattr(topics, "create_topics", refused)
    monkeypatch.setattr("sys.argv", ["warmfront", "topics", "--create"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == cli.KAFKA_FAILED
    assert capsys.readouterr().err == "error: Kafka: too few copies\n"
