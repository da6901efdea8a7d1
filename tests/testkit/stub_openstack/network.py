"""The stub's Neutron: networks, QoS policies and ports."""

import uuid
from collections.abc import Callable
from typing import Any

from tests.testkit.stub_openstack.compute import Answer, iso

NO_PORT = (
    404,
    {"NeutronError": {"type": "PortNotFound", "message": "Port not found", "detail": ""}},
)


class StubNetwork:
    """Ports on one network.

    Parameters
    ----------
    clock
        Returns unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.ports: dict[str, dict[str, Any]] = {}
        self.collections: dict[str, list[dict[str, Any]]] = {
            "networks": [{"id": "net-1", "name": "lab"}],
            "policies": [{"id": "qos-warm", "name": "warm"}, {"id": "qos-full", "name": "full"}],
        }

    def create(self, body: dict[str, Any]) -> Answer:
        """POST /ports."""
        port = {"id": str(uuid.uuid4()), "device_id": "", "created_at": iso(self.clock())}
        port |= body["port"]
        self.ports[port["id"]] = port
        return 201, {"port": port}

    def list(self, query: dict[str, str]) -> Answer:
        """GET /ports."""
        asked = {k: v for k, v in query.items() if k in {"device_id", "description", "name"}}
        found = [p for p in self.ports.values() if all(p.get(k) == v for k, v in asked.items())]
        return 200, {"ports": found}

    def update(self, name: str, body: dict[str, Any]) -> Answer:
        """PUT /ports/{id}."""
        if name not in self.ports:
            return NO_PORT
        self.ports[name] |= body["port"]
        return 200, {"port": self.ports[name]}

    def delete(self, name: str) -> Answer:
        """DELETE /ports/{id}."""
        return (204, None) if self.ports.pop(name, None) else NO_PORT

    def bind(self, server: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Give a new server its port."""
        for network in wanted.get("networks", []):
            if isinstance(network, dict) and "port" in network:
                self.ports[network["port"]]["device_id"] = server["id"]

    def unbind(self, server_id: str) -> None:
        """Take the ports of a deleted server off it: those made before it stay."""
        for port in self.ports.values():
            if port["device_id"] == server_id:
                port["device_id"] = ""
