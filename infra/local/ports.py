"""TCP ports of this machine: which are free, which answer."""

import secrets
import socket
from functools import cache
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Below are what known programs listen on and the last port that browsers refuse (10080), in between
# what `warmfront up` listens on by default.
_FIRST = 11_000
_OURS = frozenset(range(28_080, 29_100))
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_given: set[int] = set()


def free_port(*, with_next: bool = False) -> int:
    """Return a port that nobody listens on now; `with_next` has the one after it free as well.

    It is one that the kernel gives to no connection by itself, so that nothing but a program that
    asks for this very number can take it before it is used; and this process is given it once.
    """
    candidates = _own_range()
    while True:
        port = candidates[secrets.randbelow(len(candidates))]
        wanted = {port, port + 1} if with_next else {port}
        if not wanted & (_given | _OURS) and all(map(is_free, wanted)):
            _given.update(wanted)
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


@cache
def _own_range() -> range:
    """Return the ports that the kernel leaves alone; where nothing is known of it, IANA's."""
    text = _RANGE.read_text() if _RANGE.exists() else "49152 65535"
    return left_alone(*map(int, text.split()))


def left_alone(low: int, high: int) -> range:
    """Return the longer stretch of ports outside those that connections get; all if none is."""
    below, above = range(_FIRST, low - 1), range(max(_FIRST, high + 1), 65_535)
    return max(below, above, key=len) or range(_FIRST, 65_535)
