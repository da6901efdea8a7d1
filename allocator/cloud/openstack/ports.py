"""Neutron ports whose QoS policy reserves bandwidth before anybody needs it."""

import time
from collections.abc import Callable, Container
from typing import Any

import structlog

from allocator.cloud.openstack.errors import translated
from allocator.cloud.openstack.labels import port_label
from allocator.cloud.openstack.names import Names
from allocator.cloud.openstack.servers import time_ms
from allocator.cloud.protocol import CloudError, InstanceSpec

LOG = structlog.get_logger(__name__)
# A port younger than this may belong to a server that is being asked for right now.
YOUNG_S = 120.0
SWEEP_S = 15.0


class Ports:
    """Makes, changes and clears away our ports.

    A port made before its server outlives it, so ports without one are swept: after two sweeps in
    which no listing shows a server of their intent.

    Parameters
    ----------
    connection, names
        The cloud.
    owner
        Whose ports.
    wall_s, clock
        Return unix and monotonic seconds.
    """

    def __init__(
        self, connection: Any, names: Names, owner: str, wall_s: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._connection = connection  # its services are looked up when first used
        self._names = names
        self._owner = owner
        self._wall_s = wall_s
        self._clock = clock
        self._suspects: dict[str, set[str]] = {}
        self._swept_s: dict[str, float] = {}

    def make(self, spec: InstanceSpec) -> str:
        """Make a port for an instance; its bandwidth is claimed when the instance is placed."""
        wanted = {
            "network_id": self._names.network(spec.network),
            "qos_policy_id": self._names.qos_policy(spec.qos_policy),
            "name": spec.intent_id,
            "description": port_label(self._owner, spec.pool),
        }
        with translated("create port"):
            return str(self._connection.network.create_port(**wanted).id)

    def drop(self, port_id: str) -> None:
        """Delete a port that nothing uses; a failure is left to the sweep."""
        try:
            with translated("delete port"):
                self._connection.network.delete_port(port_id, ignore_missing=True)
        except CloudError as error:
            LOG.warning("port_left", port=port_id, error=str(error))

    def set_policy(self, instance_id: str, qos_policy: str) -> None:
        """Give all ports of an instance that are ours another policy."""
        policy_id = self._names.qos_policy(qos_policy)
        with translated("set bandwidth"):
            for port in list(self._connection.network.ports(device_id=instance_id)):
                is_ours = str(port.description or "").startswith(f"warmfront owner={self._owner} ")
                if is_ours and port.qos_policy_id != policy_id:
                    self._connection.network.update_port(port.id, qos_policy_id=policy_id)

    def sweep(self, pool: str, intents: Container[str]) -> int:
        """Delete the ports of a pool that have no instance; return how many.

        Parameters
        ----------
        intents
            Of all instances that a complete listing showed.
        """
        if self._clock() - self._swept_s.get(pool, float("-inf")) < SWEEP_S:
            return 0
        self._swept_s[pool] = self._clock()
        with translated("list ports"):
            held = list(self._connection.network.ports(description=port_label(self._owner, pool)))
        alone = {
            p.id for p in held if not p.device_id and p.name not in intents and self._is_old(p)
        }
        confirmed = alone & self._suspects.get(pool, set())
        self._suspects[pool] = alone
        for port_id in sorted(confirmed):
            self.drop(port_id)
        return len(confirmed)

    def _is_old(self, port: Any) -> bool:
        made_ms = time_ms(port.created_at)
        return made_ms is None or self._wall_s() - made_ms / 1000 > YOUNG_S
