"""Reads Nova's answers about a server."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from allocator.cloud.openstack.errors import is_capacity
from allocator.cloud.openstack.labels import IMAGE, intent_of
from allocator.cloud.protocol import Access, Usage
from allocator.machine.observed import HOSTLESS, CloudStatus, Observed

# What isn't here is a change under way (a reboot, a migration, a resize): not ready, not broken.
STATUSES = {
    "ACTIVE": CloudStatus.ACTIVE,
    "PAUSED": CloudStatus.PAUSED,
    "SUSPENDED": CloudStatus.SUSPENDED,
    "SHELVED": CloudStatus.SHELVED,
    "SHELVED_OFFLOADED": CloudStatus.SHELVED,
    "REBUILD": CloudStatus.REBUILD,
    "ERROR": CloudStatus.ERROR,
    "DELETED": CloudStatus.DELETED,
    "SOFT_DELETED": CloudStatus.DELETED,
    # No use in the reserve, but its user's to keep.
    "SHUTOFF": CloudStatus.OFF,
    "RESCUE": CloudStatus.OFF,
    "UNKNOWN": CloudStatus.UNREACHABLE,
}
# Nova goes on saying ACTIVE for a server on a dead host; only the host's status tells, to those
# whom the policy `os_compute_api:servers:show:host_status:unknown-only` lets see it.
DEAD_HOST = {"UNKNOWN", "DOWN"}
KEYS_BEGIN, KEYS_END = "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----"
MIB = 1024 * 1024


def observed(server: Any, image_id: str | None) -> Observed:
    """Return a server in this project's words.

    Parameters
    ----------
    image_id
        Image that its pool's programs need; None where it does not matter.
    """
    fault = str((server.fault or {}).get("message", "")) if server.fault else ""
    return Observed(
        instance_id=server.id,
        intent_id=intent_of(server.metadata),
        status=status_of(server),
        created_ms=time_ms(server.created_at) or 0,
        ready_ms=time_ms(server.launched_at),
        has_image=image_id is None or image_of(server) == image_id,
        fault=fault[:200],
        is_capacity=is_capacity(fault),
        host=server.host_id or "",
    )


def status_of(server: Any) -> CloudStatus:
    """Return a server's state, which its task and its host may overrule."""
    if server.task_state in {"deleting", "soft-deleting"}:
        return CloudStatus.DELETED
    status = STATUSES.get(server.status, CloudStatus.BUILD)
    # A build too: it never ends on a dead host.
    if status not in HOSTLESS and server.host_status in DEAD_HOST:
        return CloudStatus.UNREACHABLE
    return status


def image_of(server: Any) -> str:
    """Return the image a server was made of; Nova forgets it for one that boots from a volume."""
    image = server.image
    held = image.get("id") if isinstance(image, dict) else getattr(image, "id", None)
    return str(held or (server.metadata or {}).get(IMAGE, ""))


def time_ms(text: str | None) -> int | None:
    """Return one of Nova's times, UTC with or without a zone, in milliseconds.

    Examples
    --------
    >>> time_ms("1970-01-01T00:00:02Z"), time_ms("1970-01-01T00:00:02.000000"), time_ms(None)
    (2000, 2000, None)
    """
    if not text:
        return None
    at = dt.datetime.fromisoformat(text)
    return int((at if at.tzinfo else at.replace(tzinfo=dt.UTC)).timestamp() * 1000)


def usage_of(diagnostics: Any) -> Usage:
    """Return what a server has used; what its hypervisor does not tell is None."""
    cpus, disks, nics = (
        getattr(diagnostics, name, None) or []
        for name in ("cpu_details", "disk_details", "nic_details")
    )
    memory = getattr(diagnostics, "memory_details", None) or {}
    cpu_ns = _sum(cpus, "time")
    return Usage(
        cpu_s=None if cpu_ns is None else cpu_ns / 1e9,
        memory_bytes=None if memory.get("used") is None else int(memory["used"]) * MIB,
        disk_bytes=_sum(disks, "read_bytes", "write_bytes"),
        network_bytes=_sum(nics, "rx_octets", "tx_octets"),
        uptime_s=getattr(diagnostics, "uptime", None),
    )


def _sum(rows: Iterable[dict[str, Any]], *names: str) -> int | None:
    """Return a sum of fields, None where none of them is told.

    Examples
    --------
    >>> _sum([{"rx": 1, "tx": 2}, {"rx": None}], "rx", "tx"), _sum([], "rx")
    (3, None)
    """
    told = [int(row[name]) for row in rows for name in names if row.get(name) is not None]
    return sum(told) if told else None


def access_of(server: Any, console: str) -> Access:
    """Return where a server takes SSH; the address is empty while it has none."""
    return Access(address_of(server), host_keys=host_keys(console))


def address_of(server: Any) -> str:
    """Return the address to reach a server at: a floating one before a fixed one."""
    if server.access_ipv4:
        return str(server.access_ipv4)
    held = [entry for entries in (server.addresses or {}).values() for entry in entries]
    held.sort(key=lambda x: (x.get("OS-EXT-IPS:type") != "floating", x.get("version") != 4))
    return str(held[0]["addr"]) if held else ""


def host_keys(console: str) -> tuple[str, ...]:
    r"""Return the host keys that cloud-init prints on the console.

    Examples
    --------
    >>> text = f"x\r\n{KEYS_BEGIN}\r\nssh-ed25519 AAAA root@a\r\n{KEYS_END}\r\n"
    >>> host_keys(text), host_keys("no keys")
    (('ssh-ed25519 AAAA',), ())
    """
    _, begins, rest = console.rpartition(KEYS_BEGIN)
    block, ends, _ = rest.partition(KEYS_END)
    if not (begins and ends):
        return ()
    return tuple(" ".join(line.split()[:2]) for line in block.splitlines() if len(line.split()) > 1)
