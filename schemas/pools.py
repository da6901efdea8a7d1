"""Pools of instances and which programs they serve, from infra/pools.toml."""

import fnmatch
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEFAULT_POOL = "default"


class PoolsError(ValueError):
    """The pools file can't be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool: alike instances that serve some programs.

    Parameters
    ----------
    name
        Name, the key of every topic about the pool.
    programs
        Patterns (shell style) of the programs it serves; a program goes to the first pool that
        matches, or to `default`.
    flavor, image, zone, network
        What its instances are made of, in the cloud's names.
    qos_policy, assigned_qos_policy
        QoS policies of its instances' ports: while they wait, which reserves their bandwidth ahead
        of need, and once they are assigned. The second needs the first.
    volume_gb
        Size of the volume that each boots from; 0 for the flavor's own disk.
    min_instances, max_instances, cap
        Fewest and most warm instances, and the most instances of any state.
    target_hit_rate
        Share of requests that shall be served from the reserve.
    """

    name: str
    programs: tuple[str, ...] = ()
    flavor: str = "small"
    image: str = "base"
    zone: str = ""
    network: str = ""
    qos_policy: str = ""
    assigned_qos_policy: str = ""
    volume_gb: int = 0
    min_instances: int = 0
    max_instances: int = 20
    cap: int = 50
    target_hit_rate: float = 0.95


def load_pools(path: Path) -> tuple[Pool, ...]:
    """Read the pools, `default` included.

    Raises
    ------
    PoolsError
        If the file is missing, no TOML, or has an unknown or contradictory entry.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        pools = [_pool(name, entry) for name, entry in document.get("pool", {}).items()]
    except (OSError, tomllib.TOMLDecodeError, TypeError) as error:
        raise PoolsError(f"{path}: {error}") from error
    if DEFAULT_POOL not in {pool.name for pool in pools}:
        pools.append(Pool(DEFAULT_POOL))
    return tuple(pools)


def _pool(name: str, entry: dict[str, object]) -> Pool:
    programs = entry.pop("programs", ())
    if not isinstance(programs, list | tuple):
        raise PoolsError(f"pool {name}: programs must be a list of patterns")
    pool = Pool(name=name, programs=tuple(str(p) for p in programs), **entry)  # type: ignore[arg-type]
    if not 0 <= pool.min_instances <= pool.max_instances <= pool.cap:
        raise PoolsError(f"pool {name}: needs 0 <= min_instances <= max_instances <= cap")
    if pool.qos_policy and not pool.network:
        raise PoolsError(f"pool {name}: qos_policy needs a network to make ports on")
    if pool.assigned_qos_policy and not pool.qos_policy:
        raise PoolsError(f"pool {name}: assigned_qos_policy needs a qos_policy to return to")
    if pool.volume_gb < 0:
        raise PoolsError(f"pool {name}: volume_gb can't be negative")
    return pool


def pool_of(program: str, pools: Sequence[Pool]) -> str:
    """Return the name of the pool that serves a program.

    Examples
    --------
    >>> pool_of("code", [Pool("dev", ("code", "gcc*")), Pool("default")])
    'dev'
    >>> pool_of("excel", [Pool("dev", ("code",))])
    'default'
    """
    for pool in pools:
        if any(fnmatch.fnmatchcase(program, pattern) for pattern in pool.programs):
            return pool.name
    return DEFAULT_POOL
