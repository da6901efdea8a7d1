"""Linux's process connector: the kernel says which processes begin a program and which end.

A look each few seconds misses programs of milliseconds; the kernel misses none. It tells root in
the first namespaces only: elsewhere the error says why not, and looks have to do.

The kernel gives a number and no name. The name is read at once; a program whose parent has already
taken its exit code is gone by then, and is counted as unnamed.
Documentation/driver-api/connector.rst and include/uapi/linux/cn_proc.h of Linux have the layout.
"""

import os
import pwd
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import PurePath
from typing import Self

import psutil
import structlog

from streams.collect.brief_runs import Began, Brief, BriefRuns

LOG = structlog.get_logger(__name__)
NETLINK_CONNECTOR = 11
CN_IDX_PROC = CN_VAL_PROC = 1
LISTEN = 1
NONE, EXEC, EXIT = 0x0, 0x2, 0x80000000
NLMSG_DONE = 3
# nlmsghdr and cn_msg, then what, cpu and time of an event, then its process and thread group.
HEADER = struct.Struct("=IHHIIIIIIHH")
EVENT = struct.Struct("=IIQII")
ASK = struct.Struct("=I")
BUFFER_BYTES = 4 * 1024 * 1024  # some 40,000 events while this process does not get to run
ANSWER_S = 1.0
SLICE_S = 0.5
NICE = -10


class NotPermittedError(RuntimeError):
    """The kernel does not tell this process; the message says why."""


class ProcessConnector:
    """Listens in a thread of its own; `take` gives what came and went.

    Raises
    ------
    NotPermittedError
        Without root, outside the first namespaces, or on another system than Linux.
    """

    def __init__(self) -> None:
        self._brief = BriefRuns()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.unnamed = 0  # ended before its name could be read
        self.overruns = 0  # times that the kernel had to drop events
        self._socket = _connected()
        self._thread = threading.Thread(target=self._listen, name="process-connector", daemon=True)
        self._thread.start()

    def take(self, seen: Collection[tuple[int, str]]) -> list[Brief]:
        """Return the programs that ended since the last call and that no look saw."""
        with self._lock:
            return self._brief.take(seen)

    def close(self) -> None:
        """Stop listening."""
        self._stopped.set()
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self) -> None:
        # Names are gone in a millisecond: this thread goes before the rest of the collector.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while not self._stopped.is_set():
            try:
                data = self._socket.recv(4096)
            except TimeoutError:
                continue
            except OSError:  # ENOBUFS: we were too slow, the kernel goes on
                self.overruns += 1
                continue
            self._take_in(data)

    def _take_in(self, data: bytes) -> None:
        if len(data) < HEADER.size + EVENT.size:
            return
        what, _, _, thread, process = EVENT.unpack_from(data, HEADER.size)
        if what == EXEC:
            began = began_now(process)  # at once: it may be gone in a millisecond
            with self._lock:
                if began is None:
                    self.unnamed += 1
                else:
                    self._brief.exec(began)
        elif what == EXIT and thread == process:
            with self._lock:
                self._brief.exit(process, time.time())


@contextmanager
def short_programs() -> Iterator[Callable[[Collection[tuple[int, str]]], list[Brief]]]:
    """Give the kernel's word on short programs; where it gives none, say so and give nothing."""
    try:
        connector = ProcessConnector()
    except NotPermittedError as error:
        LOG.info("short_programs_are_missed", reason=str(error))
        yield lambda _: []
        return
    with connector:
        yield connector.take


def began_now(pid: int) -> Began | None:
    """Return a process as it is now, also when it has ended but not been waited for."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - 4 us less than Path
            before, _, after = file.read().rpartition(b")")
        owner = os.stat(f"/proc/{pid}").st_uid  # noqa: PTH116 - the same
    except OSError:
        return None
    fields = after.split()
    created_s = psutil.boot_time() + int(fields[19]) / _ticks_per_s()
    comm = before.partition(b"(")[2].decode(errors="replace")
    return Began(pid, int(fields[1]), created_s, _user(owner), _program(pid, comm))


def _program(pid: int, comm: str) -> str:
    try:
        path = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - the same
    except OSError:
        path = ""
    name = PurePath(path.removesuffix(" (deleted)")).name or PurePath(comm).name
    return "".join(letter for letter in name if letter.isprintable()) or "unknown"


def _connected() -> socket.socket:
    if sys.platform != "linux":
        raise NotPermittedError("only Linux has a process connector")
    made = None
    try:
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        made.bind((0, CN_IDX_PROC))
        made.settimeout(ANSWER_S)
        made.send(_request(LISTEN))
        _await_yes(made)
    except OSError as error:
        if made is not None:
            made.close()
        raise NotPermittedError(f"the kernel does not tell this process: {error}") from error
    made.settimeout(SLICE_S)
    return made


def _await_yes(asked: socket.socket) -> None:
    """Wait for the kernel's answer; in a container's namespaces it gives none."""
    end_s = time.monotonic() + ANSWER_S
    while time.monotonic() < end_s:
        data = asked.recv(4096)
        what, _, _, error, _ = EVENT.unpack_from(data, HEADER.size)
        if what == NONE:
            if error:
                raise OSError(error, os.strerror(error))
            return
    raise TimeoutError("no answer")


def _request(operation: int) -> bytes:
    length = HEADER.size + ASK.size
    return HEADER.pack(
        length, NLMSG_DONE, 0, 0, 0, CN_IDX_PROC, CN_VAL_PROC, 0, 0, ASK.size, 0
    ) + ASK.pack(operation)


@cache
def _ticks_per_s() -> int:
    return os.sysconf("SC_CLK_TCK")


@cache
def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
