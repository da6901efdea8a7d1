"""TCP bytes per process, from the kernel's socket diagnostics by way of `ss` where there is one.

There are no counters of network bytes per process to read in /proc. What a socket carried between
the last look and its close is not seen; nor are other protocols.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping

COMMAND = ("ss", "--tcp", "--info", "--numeric", "--processes", "--no-header", "--oneline")
TIMEOUT_S = 5.0
OWNER = re.compile(r"pid=(\d+)")
CARRIED = re.compile(r"bytes_(?:acked|received):(\d+)")

Socket = tuple[str, str]


class SocketBytes:
    r"""Counts what each process's sockets carried since the last look.

    Examples
    --------
    >>> line = "ESTAB 0 0 10.0.0.1:5 10.0.0.2:80 users:((\"curl\",pid=7,fd=5)) bytes_acked:{}"
    >>> sockets = SocketBytes()
    >>> sockets.carried(line.format(100)), sockets.carried(line.format(130))
    ({7: 100}, {7: 30})
    """

    def __init__(self) -> None:
        self._seen: dict[Socket, int] = {}
        self._command = shutil.which(COMMAND[0])

    def read(self) -> Mapping[int, int] | None:
        """Return bytes per process number since the last look; None where there is no telling."""
        if self._command is None:
            return None
        try:
            told = subprocess.run(
                (self._command, *COMMAND[1:]), capture_output=True, timeout=TIMEOUT_S, check=True
            )
        except subprocess.TimeoutExpired:
            return None  # this machine stands still for once: the next look may tell
        except (OSError, subprocess.SubprocessError):
            self._command = None  # not this kind of ss, or not permitted: once is enough
            return None
        return self.carried(told.stdout.decode("utf-8", "replace"))

    def carried(self, lines: str) -> dict[int, int]:
        """Return bytes per process number since the last look, as told by the lines of `ss`."""
        now: dict[Socket, int] = {}
        carried: Counter[int] = Counter()
        for line in lines.splitlines():
            owner, fields = OWNER.search(line), line.split()
            if owner is None:
                continue
            socket = fields[3], fields[4]
            now[socket] = sum(map(int, CARRIED.findall(line)))
            carried[int(owner[1])] += max(0, now[socket] - self._seen.get(socket, 0))
        self._seen = now
        return dict(carried)
