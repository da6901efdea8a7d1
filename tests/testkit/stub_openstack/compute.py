"""The stub's Nova: servers with tags, states that take time, a quota with its race."""

import copy
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

NO_SERVER = (404, {"itemNotFound": {"message": "Instance could not be found.", "code": 404}})
# From which status each action goes to which.
ACTIONS = {
    "pause": ("ACTIVE", "PAUSED"),
    "unpause": ("PAUSED", "ACTIVE"),
    "suspend": ("ACTIVE", "SUSPENDED"),
    "resume": ("SUSPENDED", "ACTIVE"),
    "shelve": ("ACTIVE", "SHELVED_OFFLOADED"),
    "unshelve": ("SHELVED_OFFLOADED", "ACTIVE"),
}
Answer = tuple[int, dict[str, Any] | None]


def iso(at_s: float) -> str:
    """Return a time as Nova writes it."""
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class StubCompute:
    """Servers.

    Parameters
    ----------
    clock
        Returns unix seconds.
    build_s, rebuild_s
        How long these take.
    quota
        Most servers.
    """

    def __init__(
        self, clock: Callable[[], float], build_s: float = 0.0, rebuild_s: float = 0.0,
        quota: int = 1000,
    ) -> None:  # fmt: skip
        self.clock = clock
        self.build_s = build_s
        self.rebuild_s = rebuild_s
        self.quota = quota
        self.servers: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.accept_over_quota = False
        self.breaks_next = ""
        self._frozen: list[dict[str, Any]] | None = None
        self.on_gone: Callable[[str], None] = lambda _: None
        self.on_made: Callable[[dict[str, Any], dict[str, Any]], None] = lambda _, __: None

    def freeze_listing(self) -> None:
        """Let listings show what is there now until `thaw_listing`."""
        self._frozen = copy.deepcopy(self._there())

    def thaw_listing(self) -> None:
        """Let listings show the truth again."""
        self._frozen = None

    def create(self, body: dict[str, Any]) -> Answer:
        """POST /servers."""
        wanted = body["server"]
        self.requests.append(wanted)
        over = len(self._there()) >= self.quota
        if over and not self.accept_over_quota:
            text = f"Quota exceeded for instances: Requested 1, but already used {self.quota}"
            return 403, {"forbidden": {"message": text, "code": 403}}
        now_s = self.clock()
        server = {
            "id": str(uuid.uuid4()), "name": wanted["name"], "status": "BUILD",
            "created": iso(now_s), "metadata": wanted.get("metadata", {}),
            "tags": wanted.get("tags", []), "image": {"id": wanted.get("imageRef")},
            "OS-EXT-STS:task_state": "spawning", "OS-SRV-USG:launched_at": None,
            "addresses": {"lab": [{"addr": "10.0.0.9", "version": 4}]}, "accessIPv4": "",
            "until_s": now_s + self.build_s, "host_status": "UP",
        }  # fmt: skip
        if not wanted.get("imageRef"):
            server["image"] = ""
        if over:
            self.breaks_next = "Quota exceeded for instances: recheck after the race"
        if self.breaks_next:
            server["breaks"], self.breaks_next = self.breaks_next, ""
        self.servers[server["id"]] = server
        self.on_made(server, wanted)
        return 202, {"server": {"id": server["id"], "links": []}}

    def detail(self, tags: list[str], marker: str, limit: int) -> Answer:
        """GET /servers/detail."""
        shown = self._frozen if self._frozen is not None else self._there()
        found = [s for s in shown if set(tags) <= set(s["tags"])]
        names = [s["id"] for s in found]
        start = names.index(marker) + 1 if marker in names else 0
        page = found[start : start + limit]
        links = []
        if start + limit < len(found):
            query = f"limit={limit}&marker={page[-1]['id']}&tags={','.join(tags)}"
            links = [{"rel": "next", "href": f"/servers/detail?{query}"}]
        return 200, {"servers": page, "servers_links": links}

    def show(self, name: str) -> Answer:
        """GET /servers/{id}."""
        self._there()
        return (200, {"server": self.servers[name]}) if name in self.servers else NO_SERVER

    def delete(self, name: str) -> Answer:
        """DELETE /servers/{id}."""
        self._there()
        if self.servers.pop(name, None) is None:
            return NO_SERVER
        self.on_gone(name)
        return 204, None

    def act(self, name: str, body: dict[str, Any]) -> Answer:
        """POST /servers/{id}/action."""
        self._there()
        server = self.servers.get(name)
        if server is None:
            return NO_SERVER
        action = next(iter(body))
        if action == "os-getConsoleOutput":
            return 200, {"output": server.get("console", "")}
        if action == "rebuild":
            return self._rebuild(server, body["rebuild"])
        before, after = ACTIONS[action]
        if server["status"] != before:
            text = f"Cannot '{action}' instance {name} while it is in vm_state {server['status']}"
            return 409, {"conflictingRequest": {"message": text, "code": 409}}
        server["status"] = after
        return 202, None

    def _rebuild(self, server: dict[str, Any], wanted: dict[str, Any]) -> Answer:
        if server["status"] in {"BUILD", "REBUILD"}:
            return 409, {"conflictingRequest": {"message": "Cannot 'rebuild'", "code": 409}}
        server.update(status="REBUILD", until_s=self.clock() + self.rebuild_s)
        if server["image"]:
            server["image"] = {"id": wanted["imageRef"]}
        server["metadata"] = wanted.get("metadata", server["metadata"])
        return 202, {"server": server}

    def _there(self) -> list[dict[str, Any]]:
        """Let time pass, then return all servers."""
        for server in self.servers.values():
            if server["status"] in {"BUILD", "REBUILD"} and self.clock() >= server["until_s"]:
                self._finish(server)
        return list(self.servers.values())

    def _finish(self, server: dict[str, Any]) -> None:
        server["OS-EXT-STS:task_state"] = None
        if fault := server.pop("breaks", ""):
            server.update(status="ERROR", fault={"message": fault, "code": 500})
            return
        # Nova writes the end of the second in which it was done.
        server["OS-SRV-USG:launched_at"] = iso(max(self.clock(), server["until_s"]) + 0.5)[:-1]
        server["status"] = "ACTIVE"
