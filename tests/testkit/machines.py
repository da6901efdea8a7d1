"""Instances as machines of their own: each has a disk and takes SSH; a rebuild makes it as new."""

import contextlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from allocator.machine.observed import Answer, Call, Result, Verb
from allocator.runner.ssh import HostUnknownError, SshHost, SshLogin, SshRunner
from schemas.shadow import ShadowPlan
from tests.testkit.shadow_world import ShadowWorld
from tests.testkit.ssh_server import CONNECT_S, LoopbackServer, ssh_server


@dataclass
class Machines:
    """Loopback servers by instance id, made when they are first asked for."""

    folder: Path
    servers: dict[str, LoopbackServer] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    _stacks: dict[str, contextlib.ExitStack] = field(default_factory=dict)

    def __post_init__(self) -> None:
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(self.key_file))

    @property
    def key_file(self) -> Path:
        return self.folder / "client_key"

    def disk(self, instance_id: str) -> Path:
        return self.folder / "disks" / instance_id

    def files(self, instance_id: str) -> list[str]:
        return sorted(path.name for path in self.disk(instance_id).glob("**/*"))

    def host_of(self, instance_id: str) -> SshHost:
        if not instance_id:
            raise HostUnknownError("no instance")
        if instance_id not in self.servers:
            self.disk(instance_id).mkdir(parents=True)
            stack = self._stacks[instance_id] = contextlib.ExitStack()
            server = stack.enter_context(ssh_server(self.disk(instance_id), self.key_file))
            server.lines = self.lines
            self.servers[instance_id] = server
        return self.servers[instance_id].host

    def rebuild(self, instance_id: str) -> None:
        """Wipe its disk and change its host key, as a new image does."""
        if self.servers.pop(instance_id, None) is not None:
            self._stacks.pop(instance_id).close()
            shutil.rmtree(self.disk(instance_id))

    def close(self) -> None:
        for instance_id in list(self.servers):
            self.rebuild(instance_id)


class SshWorld(ShadowWorld):
    """The allocator's world with steps that are run over SSH."""

    def __init__(self, machines: Machines, plan: ShadowPlan, **kw) -> None:
        super().__init__(1, plan=plan, fault_rate=0.0, **kw)
        self.machines = machines
        login = SshLogin("shadow", machines.key_file, CONNECT_S)
        self.runner = SshRunner(login, machines.host_of, self.commands)

    def _make(self, call: Call) -> Result:
        result = super()._make(call)
        if call.verb is Verb.REBUILD and result.answer is Answer.DONE:
            self.machines.rebuild(call.instance_id)
        return result
