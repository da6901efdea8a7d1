"""How many instances an owner has, as an administrator sees it while things are killed."""

import contextlib
import time
from collections.abc import Iterator

from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from tests.lab.again import again_and_again
from tests.lab.owned import Owned

# A listing of 60 servers takes the API some tenths of a second of one core.
EVERY_S = 3.0


class Watch:
    """Lists an owner's servers again and again.

    Parameters
    ----------
    owned
        Whose; with a connection that nobody else uses.
    """

    def __init__(self, owned: Owned) -> None:
        self._owned = owned
        self._began_s = time.monotonic()
        self._last: dict[str, int] = {}
        self.looks = 0
        self.curve: list[tuple[float, int | None]] = []

    def warm(self, without: str = "") -> int:
        """Return how many ran at the last look, those of a dead host left out."""
        return sum(count for host, count in self._last.items() if host != without)

    def next_look(self) -> int:
        """Return the number of the first look that begins from now on."""
        return self.looks + 2

    def look(self) -> None:
        """Look once; None stands for an API that does not answer."""
        at_s = round(time.monotonic() - self._began_s, 1)
        try:
            self._last = self._owned.hosts()
            self.curve.append((at_s, self.warm()))
        except (SDKException, ClientException):
            self.curve.append((at_s, None))
        self.looks += 1


@contextlib.contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Look in a thread."""
    with again_and_again(watch.look, EVERY_S, end_s=120):
        yield watch
