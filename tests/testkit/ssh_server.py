"""A real SSH server on loopback: asyncssh's, which runs what it is sent in a shell of its own.

Its disk is the folder it was given, and the home of who logs in.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from allocator.runner.ssh import SshHost

# For a connection and the login, on a machine that may stand still for some seconds.
CONNECT_S = 60.0


@dataclass
class LoopbackServer:
    """A server, what it was sent, and what it knows of each session."""

    host_key: asyncssh.SSHKey
    client_key: Path
    address: str = "127.0.0.1"
    port: int = 0
    lines: list[str] = field(default_factory=list)
    environments: list[dict] = field(default_factory=list)
    agents: list[bool] = field(default_factory=list)
    terminals: list[str | None] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    connected: int = 0
    forwardings: list[tuple[str, int]] = field(default_factory=list)

    @property
    def host(self) -> SshHost:
        return SshHost(
            self.address, self.port, (self.host_key.export_public_key().decode().strip(),)
        )


class _Gate(asyncssh.SSHServer):
    """Notes who is connected, and what is asked for besides a command."""

    def __init__(self, server: LoopbackServer) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.connected += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connected -= 1

    def connection_requested(self, host: str, port: int, *_: object) -> bool:
        self._server.forwardings.append((host, port))
        return False

    def server_requested(self, host: str, port: int) -> bool:
        self._server.forwardings.append((host, port))
        return False


@contextlib.contextmanager
def ssh_server(
    folder: Path, key_file: Path | None = None, *, address: str = "127.0.0.1", port: int = 0,
    host_key: asyncssh.SSHKey | None = None,
) -> Iterator[LoopbackServer]:  # fmt: skip
    """Run a server in a thread of its own; keys are made where none are given.

    Parameters
    ----------
    folder
        Its disk.
    key_file
        What clients log in with.
    address, port
        Where it listens; 0 for any free port.
    host_key
        What it shows to clients.
    """
    if key_file is None:
        key_file = folder / "client_key"
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(key_file))
    client = asyncssh.read_private_key(str(key_file))
    server = LoopbackServer(
        host_key or asyncssh.generate_private_key("ssh-ed25519"), key_file, address
    )
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    authorized = asyncssh.import_authorized_keys(client.export_public_key().decode())

    async def handle(process: asyncssh.SSHServerProcess) -> None:
        server.lines.append(process.command)
        server.environments.append(dict(process.env))
        server.terminals.append(process.term_type)
        server.agents.append(process.channel.get_agent_path() is not None)
        server.logins.append(process.get_extra_info("username"))
        child = await asyncio.create_subprocess_exec(
            "sh", "-c", process.command, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **process.env},
        )  # fmt: skip
        while chunk := await child.stdout.read(16_384):
            process.stdout.write(chunk)
            await process.stdout.drain()
        code = await child.wait()
        process.exit(code if code >= 0 else 128 - code)

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            address, port, server_host_keys=[server.host_key], authorized_client_keys=authorized,
            process_factory=handle, encoding=None, server_factory=lambda: _Gate(server),
        )  # fmt: skip

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    server.port = acceptor.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(acceptor.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
