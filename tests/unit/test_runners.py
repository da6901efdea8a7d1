"""What gets onto instances follows from the operator's options and files."""

import pytest

from allocator.cloud.protocol import Access
from allocator.runner.local import LocalRunner
from allocator.runner.protocol import Command, Outcome, Place
from allocator.runner.simulated import SimulatedRunner
from allocator.runners import runner_maker
from schemas.shadow import Ssh
from tests.testkit.ssh_server import ssh_server

MAIL = Command("program/mail*", ("printf", "mail is open"), keeps_running=True, grace_s=0.1)


class CloudThatTells:
    """Tells where its only instance takes SSH."""

    def __init__(self, access: Access) -> None:
        self.told = access

    def access(self, instance_id: str) -> Access:
        return self.told


@pytest.mark.parametrize(
    ("kind", "made"),
    [("simulated", SimulatedRunner), ("local", LocalRunner), ("none", SimulatedRunner)],
)
def test_a_runner_is_made_as_asked(kind, made) -> None:
    assert isinstance(runner_maker(kind, None, {})(None), made)


def test_over_ssh_needs_a_login() -> None:
    with pytest.raises(ValueError, match=r"needs \[ssh\] in the shadow file"):
        runner_maker("ssh", None, {})


@pytest.mark.parametrize("declares_port", [True, False])
def test_a_program_is_started_where_the_cloud_says_or_on_the_declared_port(
    tmp_path, declares_port
) -> None:
    with ssh_server(tmp_path) as server:
        host = server.host
        port = 1 if declares_port else host.port
        cloud = CloudThatTells(Access(host.address, port, host.host_keys))
        ssh = Ssh(
            username="shadow", key_file=str(server.client_key),
            port=host.port if declares_port else None,
        )  # fmt: skip
        end = runner_maker("ssh", ssh, {"mail*": MAIL})(cloud).execute(MAIL, Place("i-1"))
        assert (end.outcome, end.detail) == (Outcome.STARTED, "running")
        assert server.logins == ["shadow"]
