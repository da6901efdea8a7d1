"""Serves the stub's keystone, Nova, Glance and Neutron over HTTP."""

import contextlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.testkit.stub_openstack.compute import Answer, StubCompute, iso
from tests.testkit.stub_openstack.faults import Fault, HttpFault, Mishap, StubFaults
from tests.testkit.stub_openstack.network import StubNetwork

PASSWORD, TOKEN = "canary-password-7b1", "canary-token-4e9"
NOT_FOUND: Answer = (404, {"error": {"message": "no such resource", "code": 404}})
FLAVOR = {"id": "flavor-1", "name": "small", "vcpus": 2, "ram": 2048, "disk": 10}


class StubOpenStack:
    """A cloud in this process.

    Parameters
    ----------
    clock
        Returns unix seconds: what servers and ports are dated with.
    slow_s
        How long a slow answer takes; `on_slow` is called before.
    compute
        Options of its Nova.

    Examples
    --------
    >>> with StubOpenStack() as stub: stub.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, slow_s: float = 3.0, **compute: Any
    ) -> None:
        self.clock = clock
        self.slow_s = slow_s
        self.on_slow: Callable[[], None] = lambda: None
        self.faults = StubFaults()
        self.compute = StubCompute(clock, **compute)
        self.network = StubNetwork(clock)
        self.compute.on_made, self.compute.on_gone = self.network.bind, self.network.unbind
        self.images = [image("image-1", "base", 1.0)]
        self.diagnostics: dict[str, Any] = {}
        self.calls: Counter[str] = Counter()
        self.open_connections: list[socket.socket] = []
        self._lock = threading.RLock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        for connection in self.open_connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def answer(self, method: str, url: str, body: Any) -> tuple[Answer, Fault | None]:
        """Return the answer to a call, and the fault to deliver it with."""
        parts = urlsplit(url)
        with self._lock:
            self.calls[f"{method} {parts.path.split('/')[-1]}"] += 1
            fault = self.faults.draw(method, parts.path)
            if fault is Mishap.LOST_REQUEST or isinstance(fault, HttpFault):
                return (0, None), fault
            service, _, rest = parts.path.lstrip("/").partition("/")
            serve = getattr(self, f"_{service}", None)
            if serve is None:
                return NOT_FOUND, fault
            return serve(method, rest, dict(parse_qsl(parts.query)), body), fault

    def _identity(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if method == "POST":
            return 201, {"token": self._token()}
        link = {"rel": "self", "href": f"{self.url}/identity/v3/"}
        return 200, {"version": {"id": "v3.14", "status": "stable", "links": [link]}}

    def _compute(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        nova, parts = self.compute, path.split("/")[1:]
        if parts == [""] or not parts:
            return 200, self._nova_version()
        match method, parts:
            case "POST", ["servers"]:
                return nova.create(body)
            case "GET", ["servers", "detail"]:
                tags = query.get("tags", "").split(",")
                return nova.detail(tags, query.get("marker", ""), int(query.get("limit", 1000)))
            case "GET", ["servers", name]:
                return nova.show(name)
            case "DELETE", ["servers", name]:
                return nova.delete(name)
            case "POST", ["servers", name, "action"]:
                return nova.act(name, body)
            case "GET", ["servers", _, "diagnostics"]:
                return 200, self.diagnostics
            case "GET", ["limits"]:
                return 200, {"limits": {"rate": [], "absolute": self._limits()}}
            case "GET", ["flavors", *rest] if rest in ([], ["detail"]):
                return 200, {"flavors": [FLAVOR]}
        return NOT_FOUND

    def _image(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if not path:
            return 300, self._versions("image", "v2.16", "v2")
        if path != "v2/images":
            return NOT_FOUND
        asked = {k: v for k, v in query.items() if k in {"name", "status", "id"}}
        found = [x for x in self.images if all(x[k] == v for k, v in asked.items())]
        return 200, {"images": sorted(found, key=lambda x: x["created_at"], reverse=True)}

    def _network(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        if not path:
            return 200, self._versions("network", "v2.0", "v2.0")
        neutron, parts = self.network, path.split("/")[1:]
        match method, parts:
            case "POST", ["ports"]:
                return neutron.create(body)
            case "GET", ["ports"]:
                return neutron.list(query)
            case "PUT", ["ports", name]:
                return neutron.update(name, body)
            case "DELETE", ["ports", name]:
                return neutron.delete(name)
            case "GET", [*_, kind] if kind in neutron.collections:
                held = neutron.collections[kind]
                return 200, {kind: [x for x in held if x["name"] == query.get("name", x["name"])]}
        return NOT_FOUND

    def _limits(self) -> dict[str, int]:
        used = len(self.compute.servers)
        return {
            "maxTotalInstances": self.compute.quota, "totalInstancesUsed": used,
            "maxTotalCores": 20, "totalCoresUsed": 2 * used, "maxTotalRAMSize": -1,
            "totalRAMUsed": 2048 * used,
        }  # fmt: skip

    def _versions(self, service: str, version: str, path: str) -> dict[str, Any]:
        link = {"rel": "self", "href": f"{self.url}/{service}/{path}/"}
        return {"versions": [{"id": version, "status": "CURRENT", "links": [link]}]}

    def _nova_version(self) -> dict[str, Any]:
        link = {"rel": "self", "href": f"{self.url}/compute/v2.1/"}
        return {
            "version": {
                "id": "v2.1", "status": "CURRENT", "version": "2.100", "min_version": "2.1",
                "links": [link], "updated": "2013-07-23T11:33:21Z",
            }
        }  # fmt: skip

    def _token(self) -> dict[str, Any]:
        services = {"compute": "compute/v2.1", "image": "image", "network": "network",
                    "identity": "identity/v3"}  # fmt: skip
        catalog = [
            {
                "type": kind, "name": kind, "id": kind,
                "endpoints": [
                    {"id": kind, "interface": "public", "region": "R", "region_id": "R",
                     "url": f"{self.url}/{path}"}
                ],
            }
            for kind, path in services.items()
        ]  # fmt: skip
        return {
            "methods": ["password"], "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": iso(self.clock()), "catalog": catalog,
            "roles": [{"id": "m", "name": "member"}],
            "project": {"id": "p1", "name": "demo", "domain": {"id": "default", "name": "Default"}},
            "user": {"id": "u1", "name": "demo", "domain": {"id": "default", "name": "Default"}},
        }  # fmt: skip


def image(name_id: str, name: str, created_s: float, status: str = "active") -> dict[str, Any]:
    """Return an image as Glance lists it."""
    return {"id": name_id, "name": name, "status": status, "created_at": iso(created_s)}


def _handler(stub: StubOpenStack) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # head and body in one packet: 40 ms less a call

        def log_message(self, *_: object) -> None:
            """Keep the tests' output quiet."""

        def setup(self) -> None:
            super().setup()
            stub.open_connections.append(self.connection)

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            (status, answer), fault = stub.answer(self.command, self.path, body)
            if fault in {Mishap.LOST_ANSWER, Mishap.LOST_REQUEST}:
                self.close_connection = True
                return
            if fault is Mishap.SLOW_ANSWER:
                stub.on_slow()
                time.sleep(stub.slow_s)
            if isinstance(fault, HttpFault):
                said = {"forbidden": {"message": fault.message, "code": fault.status}}
                self._send(fault.status, said, fault.retry_after)
            else:
                self._send(status, answer)

        def _send(self, status: int, answer: Any, retry_after: str = "") -> None:
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.send_header("X-Subject-Token", TOKEN)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._serve)
    return Handler
