"""Artifacts arrive with the pinned hash or not at all."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stamina

from infra.local import broker, maven
from infra.local.artifacts import Artifact, ArtifactError, fetch, missing, read_lock
from infra.registry import apicurio

JAR = b"the jar" * 1000
PATH = "org/example/a/1/a-1.jar"


def pinned(content: bytes = JAR, path: str = PATH) -> Artifact:
    return Artifact(path, hashlib.sha256(content).hexdigest(), len(content))


class Mirror:
    """A Maven repository on the loopback address that answers as scripted."""

    def __init__(self) -> None:
        self.script: list[tuple[int, bytes]] = []
        self.asked: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                status, body = mirror.script.pop(0) if mirror.script else (200, JAR)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/maven"


@pytest.fixture
def mirror():
    served = Mirror()
    yield served
    served.server.shutdown()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """The home's repository is empty and repeats come at once."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv(maven.ADDRESS_VARIABLE, raising=False)
    with stamina.set_testing(True, attempts=3):
        yield tmp_path / "home"


def files_below(folder):
    return [file for file in folder.rglob("*") if file.is_file()]


def test_a_missing_artifact_is_downloaded_below_its_path(mirror, tmp_path):
    (file,) = fetch([pinned()], tmp_path / "cache", base_url=mirror.url)
    assert file == tmp_path / "cache" / PATH
    assert file.read_bytes() == JAR
    assert mirror.asked == [f"/maven/{PATH}"]


def test_what_is_there_needs_no_network(mirror, tmp_path):
    fetch([pinned()], tmp_path / "cache", base_url=mirror.url)
    fetch([pinned()], tmp_path / "cache", base_url="http://127.0.0.1:1")
    assert missing([pinned()], tmp_path / "cache") == []
    assert len(mirror.asked) == 1


def test_a_wrong_hash_is_an_error_and_nothing_is_kept(mirror, tmp_path):
    mirror.script = [(200, b"x" * len(JAR))]
    with pytest.raises(ArtifactError, match="the lock says"):
        fetch([pinned()], tmp_path / "cache", base_url=mirror.url)
    assert files_below(tmp_path / "cache") == []
    assert len(mirror.asked) == 1


def test_a_damaged_file_of_the_cache_is_replaced(mirror, tmp_path):
    (file,) = fetch([pinned()], tmp_path / "cache", base_url=mirror.url)
    file.write_bytes(b"y" * len(JAR))
    fetch([pinned()], tmp_path / "cache", base_url=mirror.url)
    assert file.read_bytes() == JAR


@pytest.mark.parametrize("hiccup", [(503, b""), (429, b""), (200, JAR[:100])])
def test_a_hiccup_is_repeated(mirror, tmp_path, hiccup):
    mirror.script = [hiccup]
    (file,) = fetch([pinned()], tmp_path / "cache", base_url=mirror.url)
    assert file.read_bytes() == JAR
    assert len(mirror.asked) == 2


def test_not_found_is_not_repeated_and_names_the_setting(mirror, tmp_path):
    mirror.script = [(404, b"")]
    with pytest.raises(ArtifactError, match="WARMFRONT_MAVEN_URL"):
        fetch([pinned()], tmp_path / "cache", base_url=mirror.url)
    assert len(mirror.asked) == 1


def test_a_repository_that_does_not_answer_is_a_clear_error(tmp_path):
    with pytest.raises(ArtifactError, match="Check the network"):
        fetch([pinned()], tmp_path / "cache", base_url="http://127.0.0.1:1")
    assert files_below(tmp_path / "cache") == []


def test_a_jar_of_the_users_own_repository_is_used(own_home, tmp_path):
    source = own_home / ".m2" / "repository" / PATH
    source.parent.mkdir(parents=True)
    source.write_bytes(JAR)
    (file,) = fetch([pinned()], tmp_path / "cache", base_url="http://127.0.0.1:1")
    assert file.read_bytes() == JAR


def test_a_jar_of_the_users_own_repository_with_another_hash_is_not(mirror, own_home, tmp_path):
    source = own_home / ".m2" / "repository" / PATH
    source.parent.mkdir(parents=True)
    source.write_bytes(b"z" * len(JAR))
    (file,) = fetch([pinned()], tmp_path / "cache", base_url=mirror.url)
    assert file.read_bytes() == JAR


def test_the_address_of_the_environment_comes_first(monkeypatch):
    monkeypatch.setenv(maven.ADDRESS_VARIABLE, "http://mirror.example/maven/")
    assert maven.repository_url() == "http://mirror.example/maven"


def settings_with(mirror_of: str) -> str:
    return (
        '<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0"><mirrors><mirror><id>m</id>'
        f"<url>http://m.example/</url><mirrorOf>{mirror_of}</mirrorOf></mirror></mirrors></settings>"
    )


@pytest.mark.parametrize("mirror_of", ["central", "*", "external:*", "a,central"])
def test_a_mirror_of_central_in_the_users_settings_comes_next(own_home, mirror_of):
    (own_home / ".m2").mkdir(parents=True)
    (own_home / ".m2" / "settings.xml").write_text(settings_with(mirror_of))
    assert maven.repository_url() == "http://m.example"


@pytest.mark.parametrize("text", [settings_with("*,!central"), settings_with("other"), "<broken"])
def test_else_it_is_the_public_repository(own_home, text):
    (own_home / ".m2").mkdir(parents=True)
    (own_home / ".m2" / "settings.xml").write_text(text)
    assert maven.mirror_of_central(own_home / ".m2" / "settings.xml") is None
    assert maven.repository_url().startswith("https://")


def test_the_locks_name_no_address_and_pin_everything():
    for lock in (broker.LOCK, apicurio.LOCK):
        for artifact in read_lock(lock):
            assert "://" not in artifact.path
            assert len(artifact.sha256) == 64
            assert artifact.size > 0
