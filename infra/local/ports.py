"""TCP ports of this machine: which are free, which answer."""

import socket

LOOPBACK = "127.0.0.1"


def free_port(*, with_next: bool = False) -> int:
    """Return a port that nobody listens on now; `with_next` has the one after it free as well.

    Another process may take it before it is used; the kernel hands out ports in a cycle of
    thousands, so that is rare, and the start then fails with the port's number.
    """
    while True:
        with socket.create_server((LOOPBACK, 0)) as server:
            port = int(server.getsockname()[1])
            if not with_next or is_free(port + 1):
                return port


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port."""
    try:
        with socket.create_server((LOOPBACK, port)):
            return True
    except OSError:
        return False


def answers(port: int, *, timeout_s: float = 1.0) -> bool:
    """Tell whether something accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout_s):
            return True
    except OSError:
        return False
