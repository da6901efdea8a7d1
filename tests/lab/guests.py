"""SSH servers that stand in for the lab's guests: each at its instance's address, with its key.

The lab's networks lie in 127/8, so an address that Neutron gave leads to this machine. Key and disk
are those that the simulated hypervisor made at the guest's boot; a rebuild takes both away.
"""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from infra.openstack_lab.layout import Lab
from tests.lab.again import again_and_again
from tests.testkit.ssh_server import LoopbackServer, ssh_server

LOOK_S = 0.1


@dataclass(frozen=True)
class Boot:
    """One life of a guest, from an image to the next rebuild.

    Parameters
    ----------
    instance_id
        Whose.
    folder
        Its folder; gone once it is rebuilt.
    server
        Takes its SSH, and knows what was sent.
    private_key
        Its host key, which no other life has.
    """

    instance_id: str
    folder: Path
    server: LoopbackServer
    private_key: str

    @property
    def public_key(self) -> bytes:
        return self.server.host_key.export_public_key()

    def files(self) -> dict[str, str]:
        """What is on its disk."""
        return {path.name: path.read_text() for path in (self.folder / "disk").glob("*")}


class Guests:
    """Follows the guests of all hosts.

    Parameters
    ----------
    lab
        Whose hypervisors.
    key_file, port
        What clients log in with, and where guests take SSH.
    """

    def __init__(self, lab: Lab, key_file: Path, port: int) -> None:
        self._lab = lab
        self._key_file = key_file
        self._port = port
        self._up: dict[str, contextlib.ExitStack] = {}
        self._lock = threading.Lock()
        self._boots: list[Boot] = []

    def boots(self, instance_id: str) -> list[Boot]:
        """Return all lives of an instance, the present one last."""
        with self._lock:
            return [boot for boot in self._boots if boot.instance_id == instance_id]

    def now(self, instance_id: str) -> Boot:
        """Return the present life of an instance."""
        return self.boots(instance_id)[-1]

    def usurp(self, instance_id: str) -> LoopbackServer:
        """Let a server with another key take a guest's place; it goes as the guest's would."""
        boot = self.now(instance_id)
        key = boot.private_key
        with self._lock:
            self._up[key].close()
            return self._up[key].enter_context(
                ssh_server(
                    boot.folder / "disk", self._key_file, address=boot.server.address,
                    port=self._port,
                )
            )  # fmt: skip

    def follow(self) -> None:
        """Let a server come for every guest that booted, and go with it."""
        there = {}
        for file in self._lab.state.glob("nova-*/guests/*/host_key"):
            with contextlib.suppress(FileNotFoundError):  # it goes as we look
                there[file.read_text()] = file.parent
        with self._lock:
            for gone in self._up.keys() - there.keys():
                self._up.pop(gone).close()
            for key in there.keys() - self._up.keys():
                self._serve(key, there[key])

    def close(self) -> None:
        """End all servers."""
        for stack in self._up.values():
            stack.close()

    def _serve(self, key: str, folder: Path) -> None:
        try:
            addresses = json.loads((folder / "addresses.json").read_text())
        except FileNotFoundError:
            return
        stack = self._up[key] = contextlib.ExitStack()
        if not addresses:
            return
        server = stack.enter_context(
            ssh_server(
                folder / "disk", self._key_file, address=addresses[0], port=self._port,
                host_key=asyncssh.import_private_key(key),
            )
        )  # fmt: skip
        self._boots.append(Boot(folder.name, folder, server, key))


@contextlib.contextmanager
def serving(guests: Guests) -> Iterator[Guests]:
    """Follow guests in a thread."""
    try:
        with again_and_again(guests.follow, LOOK_S, end_s=30):
            yield guests
    finally:
        guests.close()
