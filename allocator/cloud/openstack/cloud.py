"""Implements the allocator's `Cloud` on Nova, Neutron and Glance."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from allocator.cloud.openstack.body import server_body
from allocator.cloud.openstack.errors import translated
from allocator.cloud.openstack.labels import intent_of, intent_tags, metadata_of, pool_tags
from allocator.cloud.openstack.names import Names
from allocator.cloud.openstack.ports import Ports
from allocator.cloud.openstack.servers import access_of, observed, usage_of
from allocator.cloud.openstack.throttle import Throttle
from allocator.cloud.protocol import Access, CloudError, InstanceSpec, Usage
from allocator.machine.observed import Answer, CloudStatus, Observed
from schemas.pools import Pool

LOG = structlog.get_logger(__name__)
PAGE = 500


class OpenStackCloud:
    """A project of an OpenStack cloud, of which only what has our tags is seen or touched.

    Safe to use from several threads. Nothing is retried in here but what is known not to have been
    done: the reconcilers decide about the rest.

    Parameters
    ----------
    connection
        From `connect`.
    owner
        Tag of this deployment.
    pools
        By name: which image, flavor and bandwidth their instances need.
    clock, wall_s
        Return monotonic and unix seconds.
    """

    def __init__(
        self, connection: Any, owner: str, pools: Mapping[str, Pool],
        clock: Callable[[], float] = time.monotonic, wall_s: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._owner = owner
        self._pools = pools
        self._names = Names(connection, clock)
        self._ports = Ports(connection, self._names, owner, wall_s, clock)
        self._throttle = Throttle(clock)
        self._unsettled: set[str] = set()

    def create(self, spec: InstanceSpec) -> str:
        """Ask for a server with our tags.

        Nova has no client token. So after a call whose end is unknown, and before the same intent
        is asked for again, servers with its tag are looked for; of several, the oldest stays.
        """
        if spec.intent_id in self._unsettled:
            found = self._settle(spec)
            if found is not None:
                return found
        port_id, body = self._prepare(spec)
        try:
            with self._call("create"):
                return str(self._connection.compute.create_server(**body).id)
        except CloudError as error:
            return self._after_failed_create(spec, port_id, error)

    def list_pool(self, pool: str) -> list[Observed]:
        """Return the pool's servers by one listing (a page holds 500)."""
        found = self._servers("list", pool_tags(self._owner, pool))
        image_id = self._image_id(pool)
        if pool in self._pools and self._pools[pool].qos_policy:
            self._sweep_ports(pool, {intent_of(server.metadata) for server in found})
        return [observed(server, image_id) for server in found]

    def get(self, instance_id: str) -> Observed:
        """Return one server."""
        return observed(self._server(instance_id), None)

    def delete(self, instance_id: str) -> None:
        """Ask for a server's end; CloudError MISSING once Nova knows it no more."""
        with self._call("delete"):
            self._connection.compute.delete_server(instance_id, ignore_missing=False)

    def pause(self, instance_id: str) -> None:
        """Freeze a server in its host's memory."""
        self._act("pause", self._connection.compute.pause_server, instance_id)

    def unpause(self, instance_id: str) -> None:
        """Thaw a server."""
        self._act("unpause", self._connection.compute.unpause_server, instance_id)

    def suspend(self, instance_id: str) -> None:
        """Write a server's memory to its host's disk; its share of the host stays claimed."""
        self._act("suspend", self._connection.compute.suspend_server, instance_id)

    def resume(self, instance_id: str) -> None:
        """Bring a suspended server back."""
        self._act("resume", self._connection.compute.resume_server, instance_id)

    def shelve(self, instance_id: str) -> None:
        """Keep a server as an image; the host is free once Nova has offloaded it."""
        self._act("shelve", self._connection.compute.shelve_server, instance_id)

    def unshelve(self, instance_id: str) -> None:
        """Bring a shelved server back on any host."""
        self._act("unshelve", self._connection.compute.unshelve_server, instance_id)

    def rebuild(self, instance_id: str, image: str) -> None:
        """Make a server as new, of the newest image of this name."""
        server = self._server(instance_id)
        with self._call("rebuild"):
            image_id = self._names.image(image)
            # The call replaces all metadata, and what marks it as ours must stay.
            marks = metadata_of(intent_of(server.metadata), image_id)
            self._connection.compute.rebuild_server(instance_id, image_id, metadata=marks)

    def set_bandwidth(self, instance_id: str, qos_policy: str) -> None:
        """Give a server's ports another QoS policy while it runs."""
        with self._call("set bandwidth"):
            self._ports.set_policy(instance_id, qos_policy)

    def usage(self, instance_id: str) -> Usage:
        """Return what a server has used, as its hypervisor tells."""
        with self._call("diagnostics"):
            return usage_of(self._connection.compute.get_server_diagnostics(instance_id))

    def access(self, instance_id: str) -> Access:
        """Return a server's address, and the host keys that cloud-init wrote to its console."""
        server = self._server(instance_id)
        with self._call("console"):
            console = self._connection.compute.get_server_console_output(instance_id)
        return access_of(server, str((console or {}).get("output") or ""))

    def quota_left(self) -> int:
        """Return how many more servers of the largest flavor in use the project may have."""
        with self._call("limits"):
            held = self._connection.compute.get_limits().absolute
        sizes = [self._names.size(name) for name in {pool.flavor for pool in self._pools.values()}]
        cores, memory_mb = (max(column, default=1) for column in zip(*sizes, strict=True))
        return min(
            _left(held.instances, held.instances_used),
            _left(held.total_cores, held.total_cores_used) // max(cores, 1),
            _left(held.total_ram, held.total_ram_used) // max(memory_mb, 1),
        )

    def _prepare(self, spec: InstanceSpec) -> tuple[str | None, dict[str, Any]]:
        """Find what a server needs and make its port; no server exists if this fails."""
        try:
            with self._call("prepare"):
                body = server_body(spec, self._owner, self._names)
                if not spec.qos_policy:
                    return None, body
                port_id = self._ports.make(spec)
                return port_id, {**body, "networks": [{"port": port_id}]}
        except CloudError as error:
            raise CloudError(
                str(error), Answer.REFUSED, is_quota=error.is_quota,
                retry_after_s=error.retry_after_s,
            ) from error  # fmt: skip

    def _act(self, what: str, action: Callable[[str], object], instance_id: str) -> None:
        with self._call(what):
            action(instance_id)

    @contextmanager
    def _call(self, what: str) -> Iterator[None]:
        """Translate errors, and keep to the pauses that the cloud asks for."""
        self._throttle.check(what)
        try:
            with translated(what):
                yield
        except CloudError as error:
            if error.retry_after_s > 0:
                self._throttle.asked(error.retry_after_s)
            raise

    def _server(self, instance_id: str) -> Any:
        with self._call("get"):
            return self._connection.compute.get_server(instance_id)

    def _servers(self, what: str, tags: list[str]) -> list[Any]:
        with self._call(what):
            query = {"tags": ",".join(tags), "limit": PAGE}
            found = self._connection.compute.servers(details=True, **query)
            # Nova before 2.26 ignores the filter; what isn't ours must not be taken for a leak.
            return [server for server in found if set(tags) <= set(server.tags or ())]

    def _image_id(self, pool: str) -> str | None:
        known = self._pools.get(pool)
        return self._names.known_image(known.image) if known is not None else None

    def _after_failed_create(
        self, spec: InstanceSpec, port_id: str | None, error: CloudError
    ) -> str:
        """Return the server that a call made after all, or raise what is known."""
        if error.answer is Answer.UNKNOWN:
            self._unsettled.add(spec.intent_id)
            found = self._settle(spec)
            if found is not None:
                return found
            raise error
        if port_id is not None:
            self._ports.drop(port_id)
        if error.answer is Answer.MISSING:
            # Of a creation: what it needs is not there. Nothing was made.
            raise CloudError(str(error), Answer.REFUSED) from error
        raise error

    def _settle(self, spec: InstanceSpec) -> str | None:
        """Look for the servers of an intent; drop all but the oldest."""
        try:
            servers = self._servers("settle", intent_tags(self._owner, spec.intent_id))
        except CloudError as error:
            LOG.warning("create_unsettled", intent=spec.intent_id, error=str(error))
            return None
        there = [s for s in servers if observed(s, None).status is not CloudStatus.DELETED]
        there.sort(key=lambda server: (server.created_at, server.id))
        for extra in there[1:]:
            self._drop_extra(spec, extra.id)
        if not there:
            return None
        self._unsettled.discard(spec.intent_id)
        return str(there[0].id)

    def _drop_extra(self, spec: InstanceSpec, instance_id: str) -> None:
        try:
            self.delete(instance_id)
        except CloudError as error:
            # The collector of leaks will find it.
            LOG.warning("extra_left", intent=spec.intent_id, server=instance_id, error=str(error))

    def _sweep_ports(self, pool: str, intents: set[str]) -> None:
        try:
            with self._call("sweep ports"):
                self._ports.sweep(pool, intents)
        except CloudError as error:
            LOG.warning("ports_unswept", pool=pool, error=str(error))


def _left(limit: int | None, used: int | None) -> int:
    """Return what a limit leaves; no limit leaves plenty.

    Examples
    --------
    >>> _left(10, 4), _left(-1, 4) > 10**6
    (6, True)
    """
    if limit is None or limit < 0:
        return 2**31
    return max(0, limit - (used or 0))
