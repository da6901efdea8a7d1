"""Keeps the reserve's mix of tiers: puts instances to rest, wakes them ahead of need."""

from collections.abc import Mapping, Sequence

from allocator.machine.instance import Instance
from allocator.machine.ledger import PoolLedger
from allocator.machine.lifecycle import RESTING, WARM, Phase
from allocator.machine.observed import CloudStatus, Observed
from allocator.machine.outbox import Outbox
from allocator.machine.tiers import ASLEEP, BY_TIER, REST, TIER_OF, WAKE
from allocator.policy.tiers import Tier, choose_tiers
from allocator.reconcile.calls import CallBook
from allocator.reconcile.plan import PoolPlan

_KEPT = 32
# Seconds from each tier to running, before any was measured: an unpause is a resume of the guest's
# processors, a resume reads its memory from disk, an unshelve copies an image to a host.
ASSUMED_ACTIVATION_S = {"active": 0.0, "paused": 1.0, "suspended": 10.0, "shelved": 60.0}


class Tiering:
    """Chooses the mix and makes the calls towards it.

    Parameters
    ----------
    plan, ledger, book
        Of the pool.
    """

    def __init__(self, plan: PoolPlan, ledger: PoolLedger, book: CallBook) -> None:
        self._plan = plan
        self._ledger = ledger
        self._book = book

    def mix(
        self, need: Sequence[float], warm: int, lead_s: float, wait_cost_per_s: float
    ) -> dict[str, int]:
        """How many instances to keep in each tier.

        Parameters
        ----------
        need
            Probability that the first, second, ... instance is needed within a lead time.
        warm
            So many have to be warm, to keep the promise; what is beyond may rest or be cold.
        wait_cost_per_s
            What a waited second costs, in instance-hours of an active one.
        """
        tiers = [self._tier(name) for name in self._plan.pool.tiers]
        quick = [tier for tier in tiers if BY_TIER[tier.name] in WARM]
        counts = dict.fromkeys(BY_TIER, 0)
        padded = [*need[:warm], *[0.0] * (warm - len(need))]
        beyond = [*tiers, Tier("cold", lead_s, 0.0)]
        for part, choice in ((padded, quick), (list(need[warm:]), beyond)):
            if part:
                for name, count in choose_tiers(part, choice, wait_cost_per_s, lead_s).items():
                    counts[name] = counts.get(name, 0) + count
        # A unit beyond the promise rests or is cold: the hit rate's price decides who is warm.
        counts.pop("cold", None)
        for name in BY_TIER:
            if BY_TIER[name] in WARM:
                counts[name] = min(counts[name], warm)
        return counts

    def rest(self, mix: Mapping[str, int], now_ms: int, outbox: Outbox) -> None:
        """Put what is more than the mix wants running into the next lower tier with room."""
        surplus = self._ledger.count(Phase.READY) - mix["active"]
        for instance in reversed(self._ledger.in_phase(Phase.READY)):
            lower = self._below(mix, WARM[1:])
            if surplus <= 0 or lower is None:
                return
            if now_ms - instance.since_ms >= self._plan.timings.min_life_ms:
                surplus -= self._put(instance, lower, now_ms, "enough are running", outbox)

    def rest_surplus(
        self, surplus: Sequence[Instance], mix: Mapping[str, int], now_ms: int, outbox: Outbox
    ) -> list[Instance]:
        """Let what the warm reserve no longer needs rest where the mix wants it; return the rest.

        Only running instances can be suspended or shelved: a paused one is ended.
        """
        left = []
        for instance in surplus:
            lower = self._below(mix, RESTING)
            is_put = (
                lower is not None
                and instance.phase is Phase.READY
                and self._put(instance, lower, now_ms, "not needed warm", outbox)
            )
            if not is_put:
                left.append(instance)
        return left

    def wake(self, count: int, now_ms: int, reason: str, outbox: Outbox) -> int:
        """Bring up to `count` resting instances back: sooner than a launch; return how many."""
        woken = 0
        for instance in self._ledger.in_phase(*RESTING)[: max(0, count)]:
            woken += self._wake(instance, now_ms, reason, outbox)
        return woken

    def run_more(self, mix: Mapping[str, int], now_ms: int, outbox: Outbox) -> None:
        """Wake paused instances while fewer run than the mix wants."""
        missing = mix["active"] - self._ledger.count(Phase.READY, Phase.WAKING)
        self.wake_paused(missing, now_ms, "more should be running", outbox)

    def wake_paused(self, count: int, now_ms: int, reason: str, outbox: Outbox) -> None:
        """Wake up to `count` paused instances."""
        for instance in self._ledger.in_phase(Phase.PAUSED)[: max(0, count)]:
            self._wake(instance, now_ms, reason, outbox)

    def end_surplus(self, mix: Mapping[str, int], now_ms: int) -> None:
        """End what rests beyond the mix, the oldest first."""
        for phase in RESTING:
            surplus = self._ledger.count(phase) - mix[TIER_OF[phase]]
            for instance in self._ledger.in_phase(phase)[: max(0, min(surplus, self._book.room))]:
                if now_ms - instance.since_ms >= self._plan.timings.settle_ms:
                    self._ledger.move(instance, Phase.DELETING, now_ms, "not worth its rest")

    def repair(self, listing: Sequence[Observed], now_ms: int, outbox: Outbox) -> None:
        """Repeat what was lost: wake what should run and rests, rest what should and runs."""
        for found in listing:
            instance = self._ledger.instances.get(found.intent_id)
            if instance is None or instance.instance_id != found.instance_id:
                continue
            if instance.since_ms >= now_ms:
                continue
            if found.status in ASLEEP:
                self._rests(instance, ASLEEP[found.status], now_ms, outbox)
            elif found.status is CloudStatus.ACTIVE:
                self._runs(instance, now_ms, outbox)

    def woken(self, instance: Instance, now_ms: int) -> None:
        """Note that an instance runs again, and how long that took."""
        if instance.woken_from:
            kept = self._ledger.totals.activation_ms.setdefault(instance.woken_from, [])
            kept.append(max(0, now_ms - instance.since_ms))
            del kept[:-_KEPT]
            self._ledger.totals_changed = True
        instance.asleep, instance.woken_from = False, ""
        if instance.phase is Phase.WAKING:
            self._ledger.move(instance, Phase.READY, now_ms)
        else:
            self._ledger.note(instance)

    def activation_s(self, tier: str) -> float:
        """Median of the measured seconds from a tier to running, assumed before the first."""
        measured = sorted(self._ledger.totals.activation_ms.get(tier, ()))
        return measured[len(measured) // 2] / 1000 if measured else ASSUMED_ACTIVATION_S[tier]

    def _tier(self, name: str) -> Tier:
        return Tier(name, self.activation_s(name), self._plan.pool.tier_cost[name])

    def _below(self, mix: Mapping[str, int], phases: Sequence[Phase]) -> Phase | None:
        """The first of some tiers that the mix wants more of."""
        return next((p for p in phases if self._ledger.count(p) < mix[TIER_OF[p]]), None)

    def _put(
        self, instance: Instance, phase: Phase, now_ms: int, reason: str, outbox: Outbox
    ) -> bool:
        if not self._book.ask(REST[phase], instance, now_ms, reason, outbox):
            return False
        self._ledger.move(instance, phase, now_ms, reason)
        return True

    def _wake(self, instance: Instance, now_ms: int, reason: str, outbox: Outbox) -> bool:
        phase = instance.phase
        if not self._book.ask(WAKE[phase], instance, now_ms, reason, outbox):
            return False
        self._ledger.move(instance, Phase.WAKING, now_ms, reason)
        instance.woken_from = TIER_OF[phase]
        return True

    def _rests(self, instance: Instance, seen: Phase, now_ms: int, outbox: Outbox) -> None:
        if instance.phase in {Phase.ASSIGNED, Phase.READY, Phase.WAKING}:
            self._book.ask(WAKE[seen], instance, now_ms, "should be running", outbox)

    def _runs(self, instance: Instance, now_ms: int, outbox: Outbox) -> None:
        if instance.phase is Phase.WAKING or instance.asleep:
            self.woken(instance, now_ms)
        elif instance.phase in REST and now_ms - instance.since_ms > self._plan.timings.settle_ms:
            self._book.ask(REST[instance.phase], instance, now_ms, "should rest", outbox)
