"""What the allocator asks of a cloud, whatever cloud it is."""

from dataclasses import dataclass
from typing import Protocol

from allocator.machine.observed import Answer, Observed


class CloudError(Exception):
    """A call did not end well.

    Parameters
    ----------
    answer
        What is known of its effect.
    is_quota
        Whether it was refused for want of capacity.
    retry_after_s
        How long the cloud asks to be left alone; 0 where it does not say.
    """

    def __init__(
        self, text: str, answer: Answer, *, is_quota: bool = False, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(text)
        self.answer = answer
        self.is_quota = is_quota
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """What to create.

    Parameters
    ----------
    pool, intent_id
        Tags; the intent also names the instance.
    flavor, image, zone, network
        In the cloud's words.
    qos_policy
        Of its port: the bandwidth reserved ahead of need; empty for none.
    volume_gb
        Size of the volume it boots from, made of the image; 0 boots from the host's disk.
    """

    pool: str
    intent_id: str
    flavor: str = ""
    image: str = ""
    zone: str = ""
    network: str = ""
    qos_policy: str = ""
    volume_gb: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What an instance has used since it started, as far as the cloud tells.

    Parameters
    ----------
    cpu_s
        Processor time, summed over its cores.
    memory_bytes
        Memory in use now.
    disk_bytes, network_bytes
        Read and written, received and sent.
    uptime_s
        Since its start.
    """

    cpu_s: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None
    network_bytes: int | None = None
    uptime_s: float | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Where an instance takes SSH.

    Parameters
    ----------
    address, port
        Where.
    host_keys
        Its public host keys in OpenSSH's format, learned from the cloud and not from the network;
        none where the cloud does not tell (yet).
    """

    address: str
    port: int = 22
    host_keys: tuple[str, ...] = ()


class Cloud(Protocol):
    """A cloud, as one owner sees it: only what carries the owner's tag is ever seen or touched.

    Every method raises CloudError, whose `answer` tells what is known of the call's effect. A call
    that changes an instance is accepted when it returns; a listing tells when it is done.
    """

    def create(self, spec: InstanceSpec) -> str:
        """Ask for an instance with our tags; return its id once accepted."""

    def list_pool(self, pool: str) -> list[Observed]:
        """Return all instances with our owner's and the pool's tags."""

    def get(self, instance_id: str) -> Observed:
        """Return one instance."""

    def delete(self, instance_id: str) -> None:
        """Ask for an instance's end; MISSING once the cloud knows it no more."""

    def pause(self, instance_id: str) -> None:
        """Freeze an instance in memory."""

    def unpause(self, instance_id: str) -> None:
        """Thaw an instance."""

    def suspend(self, instance_id: str) -> None:
        """Write an instance's memory to its host's disk."""

    def resume(self, instance_id: str) -> None:
        """Bring a suspended instance back."""

    def shelve(self, instance_id: str) -> None:
        """Keep an instance as an image, which frees its host."""

    def unshelve(self, instance_id: str) -> None:
        """Bring a shelved instance back, on any host."""

    def rebuild(self, instance_id: str, image: str) -> None:
        """Make an instance as new."""

    def set_bandwidth(self, instance_id: str, qos_policy: str) -> None:
        """Give an instance's ports another QoS policy, while it runs."""

    def usage(self, instance_id: str) -> Usage:
        """Return what an instance has used."""

    def access(self, instance_id: str) -> Access:
        """Return where an instance takes SSH."""

    def quota_left(self) -> int:
        """Return how many more instances the quota allows."""
