"""A TCP proxy that cuts, delays and refuses connections, to put between a client and its broker."""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

from infra.local.ports import LOOPBACK

CHUNK_BYTES = 65_536


class TcpProxy:
    """Passes bytes on to a port of this machine, until it is told to misbehave.

    Parameters
    ----------
    port
        Where it listens.
    target_port
        Where it passes on to.
    """

    def __init__(self, port: int, target_port: int) -> None:
        self._target = (LOOPBACK, target_port)
        self._server = socket.create_server((LOOPBACK, port))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.delay_s = 0.0
        self.is_refusing = False
        self.passed_bytes = 0
        self.cuts = 0
        self.delayed = 0
        self.refused = 0

    def cut(self) -> int:
        """Close every connection at once, in the middle of whatever is said; return how many."""
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _shut(end)
        self.cuts += len(ends) // 2
        return len(ends) // 2

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _shut(self._server)  # closing alone would not wake the thread that accepts
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                if self.is_refusing:
                    self.refused += 1
                    near.close()
                else:
                    self._join(near)

    def _join(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._target, timeout=5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        with self._lock:
            self._open |= {near, far}
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                if self.delay_s:
                    self.delayed += 1
                    time.sleep(self.delay_s)
                sink.sendall(data)
                self.passed_bytes += len(data)
        for end in (source, sink):
            _shut(end)
            end.close()
        with self._lock:
            self._open -= {source, sink}


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
