"""What `make audit` says of packages with a known hole, without one, and without a database."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.local.audit import CLEAN, HOLES, NOT_ASKED, audit
from infra.local.ports import free_port

HASH = "--hash=sha256:" + "0" * 64
LOCK = f"broken-thing==1.0 {HASH}\nsound-thing==2.0 {HASH}\n"
HOLE = {
    "id": "PYSEC-0000-1", "summary": "s", "details": "d", "published": "2025-01-01T00:00:00Z",
    "affected": [
        {"package": {"name": "broken-thing", "ecosystem": "PyPI"},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]}
    ],
}  # fmt: skip


@contextmanager
def database(*holes: dict) -> Iterator[tuple[str, list[str]]]:
    """An OSV database on loopback that knows some holes; gives its address and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = query["package"]["name"]
            asked.append(name)
            known = [h for h in holes if h["affected"][0]["package"]["name"] == name]
            body = json.dumps({"vulns": known} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(LOCK)
    return path


def test_a_known_hole_fails_and_is_named(lock: Path, tmp_path: Path, capsys) -> None:
    with database(HOLE) as (address, asked):
        assert audit(lock, tmp_path / "audit.json", address) == HOLES
    assert sorted(asked) == ["broken-thing", "sound-thing"]
    said = capsys.readouterr().out
    assert "2 packages audited, 1 known holes" in said
    assert "broken-thing 1.0: PYSEC-0000-1, mended in 1.1" in said


def test_without_holes_it_passes(lock: Path, tmp_path: Path, capsys) -> None:
    with database() as (address, _):
        assert audit(lock, tmp_path / "audit.json", address) == CLEAN
    assert "2 packages audited, 0 known holes" in capsys.readouterr().out


def test_without_a_database_it_says_that_nothing_is_known(
    lock: Path, tmp_path: Path, capsys
) -> None:
    (tmp_path / "audit.json").write_text("{}")
    address = f"http://127.0.0.1:{free_port()}/v1/query"
    assert audit(lock, tmp_path / "audit.json", address) == NOT_ASKED
    assert "NOT audited, nothing is known" in capsys.readouterr().out
    assert not (tmp_path / "audit.json").exists(), "an old answer is none"
