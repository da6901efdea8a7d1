"""`warmfront doctor` tells what is wrong and what to do about it."""

import json
import os
import socket

import pytest
from typer.testing import CliRunner

from infra.local import checks, java, pidfile, ports
from infra.local.broker import LocalKafka, new_cluster_id
from infra.local.checks import Verdict
from schemas.settings import Settings
from schemas.topics import CATALOGUE
from streams.cli import build
from streams.cli.doctor import topics_check


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_in_order():
    assert checks.check_port("page", ports.free_port()).verdict is Verdict.OK


def test_a_port_of_another_program_is_wrong_and_the_program_is_named(taken_port):
    check = checks.check_port("page", taken_port)
    assert check.verdict is Verdict.WRONG
    assert f"process {os.getpid()}" in check.found


def test_a_port_of_our_own_server_is_in_order(taken_port, tmp_path):
    pidfile.write(tmp_path / "kafka.pid", os.getpid(), taken_port)
    check = checks.check_port("broker", taken_port, tmp_path / "kafka.pid")
    assert check.verdict is Verdict.OK


def test_a_number_taken_again_by_another_process_is_not_our_server(tmp_path):
    served = pidfile.Served(os.getpid(), created_s=1.0, port=1)
    assert not served.is_alive()
    (tmp_path / "kafka.pid").write_text("{}")
    assert pidfile.read(tmp_path / "kafka.pid") is None


def fake_java(folder, version: str):
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026' >&2\n")
    program.chmod(0o755)
    return program


def test_java_home_comes_first(monkeypatch, tmp_path):
    program = fake_java(tmp_path, "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert java.find_java(21) == program


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2", "17"])
def test_a_java_that_is_too_old_is_passed_over_for_the_bundled_one(monkeypatch, tmp_path, version):
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path, version).parent.parent))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert java.find_java(21) == java.bundled_java()


def test_no_java_at_all_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(java, "bundled_java", lambda: None)
    check = checks.check_java("broker", 17)
    assert check.verdict is Verdict.WRONG
    assert "make setup" in check.advice


def test_missing_downloads_are_a_warning_with_their_size(monkeypatch, tmp_path):
    monkeypatch.setenv("WARMFRONT_CACHE_DIR", str(tmp_path))
    check = checks.check_artifacts()
    assert check.verdict is Verdict.WARNING
    assert "46 files (203 MB)" in check.found


def test_little_disk_is_wrong(monkeypatch, tmp_path):
    monkeypatch.setattr(checks, "LEAST_DISK_BYTES", 1e18)
    monkeypatch.setattr(checks, "GOOD_DISK_BYTES", 1e18)
    check = checks.check_disk(tmp_path / "not" / "yet")
    assert check.verdict is Verdict.WRONG
    assert "WARMFRONT_STATE_DIR" in check.advice


def test_missing_topics_are_named():
    settings = Settings(topic_prefix="x.")
    names = {settings.topic(t.name) for t in CATALOGUE}
    assert topics_check(settings, names).verdict is Verdict.OK
    check = topics_check(settings, names - {"x.telemetry.ticks"})
    assert "x.telemetry.ticks" in check.found


def doctor(monkeypatch, *arguments: str, **variables: str):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(build(["doctor"]), ["doctor", *arguments])


def test_a_named_broker_that_does_not_answer_fails(monkeypatch):
    result = doctor(monkeypatch, "--json", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    told = json.loads(result.stdout)
    verdicts = {check["name"]: check["verdict"] for check in told["checks"]}
    assert (result.exit_code, told["ok"], verdicts["broker"]) == (1, False, "wrong")


def test_a_named_registry_that_does_not_answer_fails_with_words(monkeypatch):
    result = doctor(monkeypatch, WARMFRONT_REGISTRY_URL="http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "wrong    registry: http://127.0.0.1:1 does not answer" in result.stdout


def test_addresses_are_known_before_the_start(tmp_path):
    kafka = LocalKafka(tmp_path)
    assert kafka.bootstrap == f"127.0.0.1:{kafka.port}"
    assert kafka.port != kafka.controller_port


def test_a_cluster_id_can_be_an_argument_of_the_format_tool():
    ids = {new_cluster_id() for _ in range(300)}
    assert len(ids) == 300
    assert not any(name.startswith("-") for name in ids)
