"""What an owner has in the lab, seen with an administrator's eyes and not with the code's."""

import time
from typing import Any

from infra.openstack_lab.furnishing import BANDWIDTH


class Owned:
    """Servers, ports and allocations of one owner.

    Parameters
    ----------
    admin
        Connection that sees every project.
    owner
        Whose.
    """

    def __init__(self, admin: Any, owner: str) -> None:
        self._admin = admin
        self.owner = owner

    def servers(self) -> list[Any]:
        """Return the owner's servers."""
        tag = f"warmfront.owner={self.owner}"
        found = self._admin.compute.servers(details=True, all_projects=True, tags=tag)
        return [server for server in found if tag in (server.tags or ())]

    def ports(self) -> list[Any]:
        """Return the ports that were made for the owner's servers."""
        prefix = f"warmfront owner={self.owner} "
        return [p for p in self._admin.network.ports() if (p.description or "").startswith(prefix)]

    def hosts(self, pool: str = "") -> dict[str, int]:
        """Return how many running servers each host has, of one pool or of all."""
        held: dict[str, int] = {}
        for server in self.servers():
            is_asked = not pool or f"warmfront.pool={pool}" in server.tags
            if server.status == "ACTIVE" and is_asked:
                held[server.compute_host] = held.get(server.compute_host, 0) + 1
        return held

    def addresses(self, instance_id: str) -> list[str]:
        """Return the fixed addresses of a server's ports, as Neutron has them."""
        ports = self._admin.network.ports(device_id=instance_id)
        return [ip["ip_address"] for port in ports for ip in port.fixed_ips]

    def actions(self, instance_id: str) -> list[str]:
        """Return what Nova was asked to do with a server, in the order it was."""
        told = self._admin.compute.server_actions(instance_id)
        return [action.action for action in sorted(told, key=lambda a: a.start_time)]

    def bandwidth_kbps(self, instance_id: str) -> int:
        """Return what placement has claimed for a server's port."""
        answer = self._admin.placement.get(f"/allocations/{instance_id}")
        claims = answer.json()["allocations"].values()
        return sum(claim["resources"].get(BANDWIDTH, 0) for claim in claims)

    def claims(self, instance_id: str) -> int:
        """Return from how many providers placement has claimed something for a server."""
        return len(self._admin.placement.get(f"/allocations/{instance_id}").json()["allocations"])

    def remove_all(self, timeout_s: float = 900) -> None:
        """Delete everything and see that nothing is left."""
        deadline_s = time.monotonic() + timeout_s
        ids = {server.id for server in self.servers()}
        while servers := self.servers():
            assert time.monotonic() < deadline_s, f"{len(servers)} servers are left"
            ids |= {server.id for server in servers}
            for server in servers:
                if server.task_state != "deleting":
                    self._admin.compute.delete_server(server.id)
            time.sleep(1)
        for port in self.ports():
            self._admin.network.delete_port(port.id)
        assert self.ports() == []
        left = {name: self.claims(name) for name in ids}
        assert not any(left.values()), "placement still holds claims of deleted servers"
