"""A receiver of alerts on loopback: an HTTP server that can be down, busy or say no."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What was posted where, and what is answered: the codes in turn, then 200."""

    answers: list[int] = field(default_factory=list)
    posts: list[tuple[str, object, dict[str, str]]] = field(default_factory=list)
    refused: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bodies(self) -> list:
        return [body for _, body, _ in self.posts]


@contextlib.contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    """Serve until the block ends."""
    receiver = Receiver(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code = receiver.answers.pop(0) if receiver.answers else 200
            if code < 400:
                receiver.posts.append((self.path, body, dict(self.headers)))
            else:
                receiver.refused += 1
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
