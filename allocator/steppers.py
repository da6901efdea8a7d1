"""Makes what runs steps: over SSH where the operator told how to log in, else pretended."""

from pathlib import Path

from allocator.cloud.protocol import Cloud, CloudError
from allocator.runner.simulated import SimulatedRunner
from allocator.runner.ssh import HostUnknownError, SshHost, SshLogin, SshRunner
from allocator.stepper import Stepper, commands_of
from schemas.shadow import ShadowPlan


def make_stepper(plan: ShadowPlan, cloud: Cloud) -> Stepper:
    """Return a stepper for a cloud's instances."""
    commands = commands_of(plan)
    if plan.ssh is None:
        # As long as they are said to save: what is measured is believed.
        medians_s = {f"step/{s.id}": min(s.saves_s, s.timeout_s / 2) for s in plan.step}
        return Stepper(SimulatedRunner(medians_s=medians_s), commands)
    login = SshLogin(plan.ssh.username, Path(plan.ssh.key_file))

    def host_of(instance_id: str) -> SshHost:
        try:
            access = cloud.access(instance_id)
        except CloudError as error:
            raise HostUnknownError(str(error)) from error
        return SshHost(access.address, access.port, access.host_keys)

    return Stepper(SshRunner(login, host_of, commands), commands)
