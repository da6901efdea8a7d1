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
    """

    def __init__(self, text: str, answer: Answer, *, is_quota: bool = False) -> None:
        super().__init__(text)
        self.answer = answer
        self.is_quota = is_quota


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """What to create.

    Parameters
    ----------
    pool, intent_id
        Tags; the intent also names the instance.
    flavor, image, zone, network
        In the cloud's words.
    """

    pool: str
    intent_id: str
    flavor: str = ""
    image: str = ""
    zone: str = ""
    network: str = ""


class Cloud(Protocol):
    """A cloud, as one owner sees it: only what carries the owner's tag is ever seen or touched.

    Every method raises CloudError, whose `answer` tells what is known of the call's effect.
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

    def rebuild(self, instance_id: str, image: str) -> None:
        """Make an instance as new."""

    def quota_left(self) -> int:
        """Return how many more instances the quota allows."""
