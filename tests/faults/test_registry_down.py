"""The registry is away, at the start or later, and the cache can't be written: what then."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from schemas.codec import Codec, UndecodableError, schema_text
from schemas.records import Tick
from schemas.registry import RegistryIds, RegistryUnavailableError
from schemas.settings import Settings
from schemas.topics import TELEMETRY_TICKS

pytestmark = pytest.mark.faults

TICK = Tick(source="s", time=1, partition=0)


class Registry(BaseHTTPRequestHandler):
    """Gives every schema the same id; `answers` are what it says first, in turn."""

    answers: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say({"id": 7})

    def do_GET(self) -> None:
        self._say({"schema": schema_text("Tick"), "schemaType": "AVRO"})

    def _say(self, what: dict[str, object]) -> None:
        code = self.answers.pop(0) if self.answers else 200
        said = what if code == 200 else {"error_code": code, "message": "the test says so"}
        body = json.dumps(said).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def registry() -> Iterator[tuple[str, HTTPServer]]:
    server = HTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", server
    server.shutdown()
    server.server_close()


def test_a_registry_that_goes_away_in_flight_stops_nothing(registry, tmp_path: Path) -> None:
    url, server = registry
    before = Codec(RegistryIds(url, tmp_path / "ids.json", attempts=1)).encode(
        TELEMETRY_TICKS, TICK
    )
    server.shutdown()
    server.server_close()
    restarted = Codec(RegistryIds(url, tmp_path / "ids.json", attempts=1))
    assert restarted.encode(TELEMETRY_TICKS, TICK) == before
    assert restarted.decode(TELEMETRY_TICKS, before, Tick) == TICK


def test_a_registry_that_was_never_there_is_named_and_nothing_is_sent(tmp_path: Path) -> None:
    ids = RegistryIds("http://127.0.0.1:9", tmp_path / "ids.json", attempts=1)
    with pytest.raises(RegistryUnavailableError, match=r"telemetry\.ticks"):
        Codec(ids).encode(TELEMETRY_TICKS, TICK)
    assert not (tmp_path / "ids.json").exists()


def test_a_registry_that_is_overloaded_is_asked_again(registry, tmp_path: Path) -> None:
    Registry.answers[:] = [503, 500]
    data = Codec(RegistryIds(registry[0], tmp_path / "ids.json")).encode(TELEMETRY_TICKS, TICK)
    assert Registry.answers == []
    Registry.answers[:] = [503, 500]
    other = Codec(RegistryIds(registry[0], tmp_path / "others-ids.json"))
    assert other.decode(TELEMETRY_TICKS, data, Tick) == TICK
    assert Registry.answers == []


@pytest.mark.parametrize(
    ("code", "error"),
    [(500, RegistryUnavailableError), (401, RegistryUnavailableError), (404, UndecodableError)],
)
def test_only_a_schema_that_is_not_there_makes_a_message_undecodable(
    registry, tmp_path: Path, code: int, error: type[Exception]
) -> None:
    """Whatever is undecodable is buried, where it should have been worked on later."""
    data = Codec(RegistryIds(registry[0], tmp_path / "ids.json")).encode(TELEMETRY_TICKS, TICK)
    other = Codec(RegistryIds(registry[0], tmp_path / "others-ids.json", attempts=1))
    Registry.answers[:] = [code]
    with pytest.raises(error):
        other.decode(TELEMETRY_TICKS, data, Tick)
    assert Registry.answers == []
    assert other.decode(TELEMETRY_TICKS, data, Tick) == TICK


def test_a_registry_is_not_answered_for_by_another_ones_cache(registry, tmp_path: Path) -> None:
    """Both give the id 7, to different schemas: with one cache, a tick would be read as a batch."""
    url, _ = registry
    other = Settings(registry_url="http://127.0.0.1:9", state_dir=tmp_path)
    of_another = {"ids": {}, "schemas": {"7": schema_text("ActivityBatch")}}
    other.schema_cache.write_text(json.dumps(of_another))
    ours = Codec(RegistryIds.of(Settings(registry_url=url, state_dir=tmp_path)))
    told = ours.encode(TELEMETRY_TICKS, TICK)
    assert ours.decode(TELEMETRY_TICKS, told, Tick) == TICK


def test_a_cache_that_can_not_be_written_stops_nothing(registry, tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("a file where the state folder should be")
    ids = RegistryIds(registry[0], tmp_path / "no-folder" / "ids.json", attempts=1)
    data = Codec(ids).encode(TELEMETRY_TICKS, TICK)
    assert Codec(ids).decode(TELEMETRY_TICKS, data, Tick) == TICK


def test_a_full_disk_leaves_the_old_cache_whole(registry, tmp_path: Path) -> None:
    """The kernel refuses every write of the child, as on a full disk."""
    cache = tmp_path / "ids.json"
    RegistryIds(registry[0], cache, attempts=1).register("old", '"string"')
    kept = cache.read_bytes()
    child = (
        "import resource, sys; from pathlib import Path; from schemas.registry import RegistryIds\n"
        "ids = RegistryIds(sys.argv[1], Path(sys.argv[2]), attempts=1)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "assert ids.register('new', '\"long\"') == 7\n"
        "assert ids.register('old', '\"string\"') == 7\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", child, registry[0], str(cache)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "schema_ids_not_kept" in done.stdout + done.stderr
    assert cache.read_bytes() == kept
    assert list(tmp_path.iterdir()) == [cache], "no half of a file is left"
