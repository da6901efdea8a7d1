"""Pools of instances and which programs they serve, from infra/pools.toml."""

import fnmatch
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from schemas.budgets import Budget

DEFAULT_POOL = "default"
# Of holding an instance in each state, against an active one: a paused one keeps its host's memory,
# a suspended one disk, a shelved one an image. Guesses until an operator states his own.
TIER_COST = MappingProxyType({"active": 1.0, "paused": 0.6, "suspended": 0.2, "shelved": 0.05})


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
    miss_cost, idle_cost_per_hour
        What a miss and an idle instance-hour cost, in one currency. Where both are given they
        replace `target_hit_rate`.
    keep_share
        Hysteresis: a ready instance is given up once it is worth less than this share of what a
        launch has to be worth.
    quiet_hours
        Whether hours with so few requests that one crowd could break their promise get a standing
        floor; by default for targets from 98 % on, where it costs little.
    lead_quantile
        Which quantile of the measured launch times to plan for.
    budgets
        Bounds at certain times, from `[[pool.NAME.budget]]`.
    observe_only
        Tell what the reserve would be; launch on request only.
    tiers
        States that its reserve may rest in, of active, paused, suspended and shelved.
    vcpus, memory_gb
        What its flavor has, where use is to be compared with it.
    tier_cost
        Cost of holding an instance in each, against an active one; see TIER_COST.
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
    miss_cost: float | None = None
    idle_cost_per_hour: float | None = None
    keep_share: float = 0.35
    quiet_hours: bool | None = None
    lead_quantile: float = 0.5
    budgets: tuple[Budget, ...] = ()
    observe_only: bool = False
    tiers: tuple[str, ...] = ("active",)
    vcpus: float | None = None
    memory_gb: float | None = None
    tier_cost: dict[str, float] = field(default_factory=lambda: dict(TIER_COST))


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


def _pool(name: str, entry: dict[str, Any]) -> Pool:
    patterns = _texts(name, "programs", entry.pop("programs", ()))
    tiers = _texts(name, "tiers", entry.pop("tiers", ("active",)))
    cost = dict(TIER_COST) | entry.pop("tier_cost", {})
    try:
        budgets = tuple(Budget(**budget) for budget in entry.pop("budget", ()))
        pool = Pool(name, patterns, **entry, budgets=budgets, tiers=tiers, tier_cost=cost)
    except (TypeError, ValueError) as error:
        raise PoolsError(f"pool {name}: {error}") from error
    for wrong, why in _rules(pool):
        if wrong:
            raise PoolsError(f"pool {name}: {why}")
    return pool


def _texts(pool: str, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise PoolsError(f"pool {pool}: {key} must be a list of texts")
    return tuple(value)


def _rules(pool: Pool) -> list[tuple[bool, str]]:
    """Return what may not be, and how to say it."""
    low, high, cap = pool.min_instances, pool.max_instances, pool.cap
    return [
        (not 0 <= low <= high <= cap, "needs 0 <= min_instances <= max_instances <= cap"),
        (bool(pool.qos_policy) and not pool.network, "qos_policy needs a network to make ports on"),
        (
            bool(pool.assigned_qos_policy) and not pool.qos_policy,
            "assigned_qos_policy needs a qos_policy to return to",
        ),
        (pool.volume_gb < 0, "volume_gb can't be negative"),
        (not 0.0 < pool.target_hit_rate < 1.0, "target_hit_rate is between 0 and 1"),
        (not 0.0 <= pool.keep_share <= 1.0, "keep_share is from 0 to 1"),
        (not 0.0 < pool.lead_quantile < 1.0, "lead_quantile is between 0 and 1"),
        (
            (pool.miss_cost is None) != (pool.idle_cost_per_hour is None),
            "give miss_cost and idle_cost_per_hour together or neither",
        ),
        (
            any(c is not None and c <= 0 for c in (pool.miss_cost, pool.idle_cost_per_hour)),
            "costs have to be positive",
        ),
        (
            "active" not in pool.tiers or not set(pool.tiers) <= set(TIER_COST),
            f"tiers are active and some of {', '.join(TIER_COST)}",
        ),
        (
            not set(pool.tier_cost) <= set(TIER_COST) or min(pool.tier_cost.values()) < 0,
            f"tier_cost names {', '.join(TIER_COST)} and can't be negative",
        ),
    ]


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
