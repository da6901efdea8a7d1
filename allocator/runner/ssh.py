"""Runs declared commands over SSH on instances whose host keys the cloud vouches for.

What reaches the other side is a declared argument list, quoted, and nothing else: no agent, no
forwarding, no environment, no terminal, no configuration file of the operator's account. The key
that logs in stays here. A command that is not on the list it was made with is refused, however it
came to be asked for.
"""

import asyncio
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from allocator.runner.protocol import Command, Outcome, Place, RunEnd

CHUNK_BYTES = 16_384
# After its own time limit a step is killed over there; the connection gets a little longer to tell,
# also from a machine that stands still for some seconds.
GRACE_S = 10.0
AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class SshLogin:
    """How to log in on instances.

    Parameters
    ----------
    username
        The account of the image that steps run as.
    key_file
        Private key, in OpenSSH's format.
    connect_timeout_s
        For the connection and the login together.
    boot_s
        For how long a guest that takes no SSH yet, or has not told its host key, is tried again: a
        cloud calls an instance active before its guest has booted.
    """

    username: str
    key_file: Path
    connect_timeout_s: float = 10.0
    boot_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SshHost:
    """Where an instance takes SSH, as its cloud tells.

    Parameters
    ----------
    address, port
        Where.
    host_keys
        Its public host keys in OpenSSH's format; the network is never asked for them.
    """

    address: str
    port: int = 22
    host_keys: tuple[str, ...] = ()


class HostUnknownError(LookupError):
    """The cloud does not tell where an instance is; the text says why."""


class _DeafError(Exception):
    """The guest does not listen: nothing was sent. The text says how that shows."""


class SshRunner:
    """Implements `Runner` over SSH. Each command has a connection of its own.

    Parameters
    ----------
    login
        How to log in.
    host_of
        Asks the cloud where an instance takes SSH; may raise HostUnknownError.
    allowed
        The declared commands by their ids.
    """

    def __init__(
        self, login: SshLogin, host_of: Callable[[str], SshHost], allowed: Mapping[str, Command]
    ) -> None:
        self._login = login
        self._host_of = host_of
        self._allowed = dict(allowed)

    def execute(self, command: Command, place: Place) -> RunEnd:
        """Run a command on an instance; blocks, at most for the limits of login and command."""
        began_s = time.monotonic()
        while True:
            try:
                outcome, detail, output = self._attempt(command, place)
            except _DeafError as deaf:
                if time.monotonic() - began_s < self._login.boot_s:
                    time.sleep(AGAIN_S)
                    continue
                outcome, detail, output = Outcome.START_FAILED, str(deaf), b""
            return RunEnd(outcome, time.monotonic() - began_s, detail, output)

    def end(self, place: Place) -> None:
        """Nothing is held for an instance: what runs on it ends with its rebuild."""

    def close(self) -> None:
        """Nothing is kept open between two commands."""

    def _attempt(self, command: Command, place: Place) -> tuple[Outcome, str, bytes]:
        if self._allowed.get(command.command_id) != command:
            return Outcome.START_FAILED, "not a declared command", b""
        try:
            host = self._host_of(place.instance_id)
            if not host.host_keys:
                raise _DeafError("the cloud tells no host key to trust")
            return asyncio.run(self._run(command, host))
        except HostUnknownError as error:
            return Outcome.START_FAILED, f"the cloud tells no address: {error}", b""
        except TimeoutError:
            return Outcome.START_FAILED, f"not done within {command.timeout_s:g} s", b""
        except asyncssh.HostKeyNotVerifiable:
            return Outcome.START_FAILED, "another host key than the cloud tells", b""
        except (asyncssh.Error, OSError) as error:
            return Outcome.START_FAILED, f"no SSH: {type(error).__name__}", b""

    async def _run(self, command: Command, host: SshHost) -> tuple[Outcome, str, bytes]:
        keys = [asyncssh.import_public_key(text) for text in host.host_keys]
        connected = asyncssh.connect(
            host.address, host.port, username=self._login.username,
            client_keys=[str(self._login.key_file)], known_hosts=(keys, [], []),
            connect_timeout=self._login.connect_timeout_s,
            login_timeout=self._login.connect_timeout_s, preferred_auth="publickey",
            config=None, agent_path=None, agent_forwarding=False, x11_forwarding=False,
        )  # fmt: skip
        async with await _opened(connected) as connection:
            limit_s = command.grace_s if command.keeps_running else command.timeout_s
            async with asyncio.timeout(limit_s + GRACE_S):
                return await _exchange(connection, command)


async def _opened(connecting: Any) -> Any:
    """Return the connection; only what never came about may be tried again."""
    try:
        return await connecting
    except (OSError, asyncssh.ConnectionLost) as error:  # a timeout is an OSError
        raise _DeafError(f"no SSH: {type(error).__name__}") from error


async def _exchange(connection: Any, command: Command) -> tuple[Outcome, str, bytes]:
    """Send the command, and read to its end what fits the limit."""
    process = await connection.create_process(
        line_of(command), stdin=asyncssh.DEVNULL, stderr=asyncssh.STDOUT, encoding=None
    )
    kept = bytearray()
    while chunk := await process.stdout.read(CHUNK_BYTES):
        kept += chunk[: command.max_output_bytes - len(kept)]
    await process.wait()
    outcome, detail = _verdict(command, process.exit_status)
    return outcome, detail, bytes(kept)


def _verdict(command: Command, status: int | None) -> tuple[Outcome, str]:
    if status == 0:
        return Outcome.STARTED, "running" if command.keeps_running else "ended with 0"
    if status in {124, 137, None} and not command.keeps_running:
        return Outcome.START_FAILED, f"not done within {command.timeout_s:g} s"
    return Outcome.START_FAILED, f"ended with {status}"


def line_of(command: Command) -> str:
    """Return the line that an SSH server is sent for a declared command.

    Each argument is quoted, so that a shell over there passes it on as it is. A step is killed at
    its time limit even if the connection is gone; a program is left running once it has lived for
    its grace time.

    Examples
    --------
    >>> line_of(Command("step/mail/warm", ("cat", "a b; rm -rf $HOME"), timeout_s=5.0))
    "exec timeout -s KILL 5 cat 'a b; rm -rf $HOME'"
    """
    argv = shlex.join(command.argv)
    if not command.keeps_running:
        return f"exec timeout -s KILL {command.timeout_s:g} {argv}"
    lived = f"sleep {command.grace_s:g}; kill -0 $! 2>/dev/null || wait $!"
    return f"nohup {argv} </dev/null >/dev/null 2>&1 & {lived}"
