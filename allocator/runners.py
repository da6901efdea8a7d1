"""Makes what gets onto instances: over SSH where the operator told how, else pretended."""

from collections.abc import Callable, Mapping
from pathlib import Path

from allocator.cloud.protocol import Cloud, CloudError
from allocator.options import RunnerKind
from allocator.runner.local import LocalRunner
from allocator.runner.protocol import Command, Runner
from allocator.runner.simulated import SimulatedRunner
from allocator.runner.ssh import HostUnknownError, SshHost, SshLogin, SshRunner
from allocator.stepper import Stepper, commands_of
from schemas.shadow import ShadowPlan, Ssh


def make_stepper(plan: ShadowPlan, cloud: Cloud) -> Stepper:
    """Return a stepper for a cloud's instances."""
    commands = commands_of(plan)
    if plan.ssh is None:
        # As long as they are said to save: what is measured is believed.
        medians_s = {f"step/{s.id}": min(s.saves_s, s.timeout_s / 2) for s in plan.step}
        return Stepper(SimulatedRunner(medians_s=medians_s), commands)
    return Stepper(_over_ssh(plan.ssh, cloud, commands), commands)  # what boots is not worth it yet


def runner_maker(
    kind: RunnerKind, ssh: Ssh | None, programs: Mapping[str, Command], seed: int = 0
) -> Callable[[Cloud], Runner]:
    """Return what makes the starter of programs on a cloud's instances.

    Parameters
    ----------
    ssh
        How to log in there; the same account as for steps.
    programs
        The declared commands by the patterns of their programs.
    seed
        Of a simulated one.

    Raises
    ------
    ValueError
        If programs shall be started over SSH and nobody told how to log in.
    """
    if kind == "local":
        return lambda _: LocalRunner()
    if kind == "ssh":
        if ssh is None:
            raise ValueError("--runner ssh needs [ssh] in the shadow file: account and key")
        allowed = {command.command_id: command for command in programs.values()}
        return lambda cloud: _over_ssh(ssh, cloud, allowed, ssh.boot_s)
    return lambda _: SimulatedRunner(seed)


def _over_ssh(
    ssh: Ssh, cloud: Cloud, allowed: Mapping[str, Command], boot_s: float = 0.0
) -> SshRunner:
    def host_of(instance_id: str) -> SshHost:
        try:
            access = cloud.access(instance_id)
        except CloudError as error:
            raise HostUnknownError(str(error)) from error
        return SshHost(access.address, ssh.port or access.port, access.host_keys)

    login = SshLogin(ssh.username, Path(ssh.key_file), boot_s=boot_s)
    return SshRunner(login, host_of, allowed)
