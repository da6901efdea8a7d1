"""Hosts that die: what waits on them is replaced, however few instances and hosts there are."""

import dataclasses

import pytest

from allocator.machine.lifecycle import Phase
from allocator.machine.observed import CloudStatus, Observed
from allocator.reconcile.hosts import KEPT_MS, Hosts
from allocator.reconcile.silence import PROBE_PATIENCES, Silence
from tests.testkit.allocator_world import POOL, World

PATIENCE_MS = 30_000
LEAD_MS = 200_000


def on(host: str, status: CloudStatus, count: int = 1) -> list[Observed]:
    return [Observed(f"{host}-{n}", f"{host}-{n}", status, 0, host=host) for n in range(count)]


def whole() -> World:
    """A pool that wants three and has them."""
    world = World(1, cap=8, fault_rate=0.0, tiers=("active",))
    world.cycle()
    world.now_ms += LEAD_MS
    world.cycle()
    assert world.pool.ledger.count(Phase.READY) == 3
    return world


def pass_time(world: World, seconds: int) -> None:
    """Cycles every ten seconds, as the allocator lists."""
    for _ in range(seconds // 10):
        world.now_ms += 10_000
        world.cycle()


class TestHostsThatDieTogether:
    """Most hosts silent at once are rather a control plane out of breath."""

    def test_a_pool_with_most_of_its_few_on_a_dead_host_has_them_replaced(self) -> None:
        hosts = Hosts()
        hosts.told("office", on("b", CloudStatus.ACTIVE) + on("c", CloudStatus.ACTIVE), 0)
        wired = on("a", CloudStatus.UNREACHABLE, 3) + on("b", CloudStatus.ACTIVE)
        silence = Silence("wired", PATIENCE_MS, hosts)
        replaceable = {found.instance_id for found in wired}
        assert silence.dead(wired, 0, replaceable) == frozenset()
        assert silence.dead(wired, PATIENCE_MS, replaceable) == {"a-0", "a-1", "a-2"}

    def test_hosts_are_counted_and_not_instances(self) -> None:
        hosts = Hosts()
        many = on("a", CloudStatus.UNREACHABLE, 99) + on("b", CloudStatus.ACTIVE)
        hosts.told(POOL, many, 0)
        assert not hosts.are_mostly_silent(0)

    def test_where_the_cloud_names_no_hosts_each_instance_counts(self) -> None:
        hosts = Hosts()
        nameless = [
            dataclasses.replace(found, host="")
            for found in on("a", CloudStatus.UNREACHABLE, 3) + on("b", CloudStatus.ACTIVE)
        ]
        hosts.told(POOL, nameless, 0)
        assert hosts.are_mostly_silent(0)

    def test_a_host_that_any_pool_sees_answering_is_not_silent(self) -> None:
        hosts = Hosts()
        hosts.told("office", on("a", CloudStatus.UNREACHABLE), 0)
        hosts.told("wired", on("a", CloudStatus.ACTIVE), 0)
        assert not hosts.are_mostly_silent(0)

    def test_what_a_pool_told_long_ago_does_not_count(self) -> None:
        hosts = Hosts()
        hosts.told("office", on("b", CloudStatus.ACTIVE, 1) + on("c", CloudStatus.ACTIVE), 0)
        hosts.told("wired", on("a", CloudStatus.UNREACHABLE), KEPT_MS + 1)
        assert hosts.are_mostly_silent(KEPT_MS + 1)

    @pytest.mark.parametrize(
        "status", [CloudStatus.ERROR, CloudStatus.SHELVED, CloudStatus.DELETED, CloudStatus.BUILD]
    )
    def test_what_needs_no_host_does_not_speak_for_one(self, status) -> None:
        hosts = Hosts()
        hosts.told(POOL, on("a", CloudStatus.UNREACHABLE) + on("b", status) + on("c", status), 0)
        assert hosts.are_mostly_silent(0)


class TestOnlyHost:
    """A small reserve may stand on one host; nobody else tells whether others are well."""

    def test_it_is_whole_again_on_other_hosts(self) -> None:
        world = whole()
        spared = world.cloud.hosts[0]
        dead = set(world.cloud.hosts[1:])
        for host in dead:
            world.cloud.kill_host(host)
        on_spared = [x for x in world.cloud.list_pool(POOL) if x.host == spared]
        assert len(on_spared) < 3, "nothing is lost"
        pass_time(world, PROBE_PATIENCES * 30 + 2 * LEAD_MS // 1000)
        listed = [x for x in world.cloud.list_pool(POOL) if x.status is CloudStatus.ACTIVE]
        assert len(listed) == 3
        assert not {x.host for x in listed} & dead
        assert world.pool.ledger.count(Phase.READY) == 3

    def test_an_outage_of_all_hosts_costs_one_instance_in_five_minutes(self) -> None:
        world = whole()
        for host in world.cloud.hosts:
            world.cloud.kill_host(host)
        pass_time(world, PROBE_PATIENCES * 30 - 10)
        assert world.pool.ledger.count(Phase.READY) == 3
        pass_time(world, PROBE_PATIENCES * 30)
        assert world.pool.ledger.count(Phase.READY) == 2
        for host in world.cloud.hosts:
            world.cloud.start_host(host)
        pass_time(world, 2 * LEAD_MS // 1000)
        assert world.pool.ledger.count(Phase.READY) == 3

    def test_a_launch_that_came_through_proves_that_hosts_are_dead(self) -> None:
        silence = Silence(POOL, PATIENCE_MS, Hosts())
        silent = on("a", CloudStatus.UNREACHABLE) + on("b", CloudStatus.UNREACHABLE)
        names = {found.instance_id for found in silent}
        assert silence.dead(silent, 0, names) == frozenset()
        early, late = (
            dataclasses.replace(on("c", CloudStatus.ACTIVE)[0], ready_ms=ready_ms)
            for ready_ms in (PATIENCE_MS - 1, PATIENCE_MS)
        )
        assert silence.dead([*silent, early], PATIENCE_MS, names) == frozenset()
        assert silence.dead([*silent, late], PATIENCE_MS, names) == names

    def test_one_that_nobody_holds_is_given_up_to_find_out(self) -> None:
        silence = Silence(POOL, PATIENCE_MS, Hosts())
        silent = on("a", CloudStatus.UNREACHABLE, 2)
        assert silence.dead(silent, 0, {"a-1"}) == frozenset()
        assert silence.dead(silent, PROBE_PATIENCES * PATIENCE_MS, {"a-1"}) == {"a-1"}

    def test_what_somebody_holds_is_never_given_up(self) -> None:
        world = whole()
        for number in range(3):
            world.ask("REQUEST", f"r-{number}")
        world.target = 0
        world.cycle()
        for host in world.cloud.hosts:
            world.cloud.kill_host(host)
        pass_time(world, 3 * PROBE_PATIENCES * 30)
        assert world.pool.ledger.count(Phase.ASSIGNED) == 3


class TestWhoIsServed:
    """Until an instance is given up, it is the last to be assigned."""

    def test_one_on_a_host_that_answers_comes_first(self) -> None:
        world = whole()
        oldest = world.pool.ledger.first(Phase.READY)
        status = {oldest.intent_id: CloudStatus.UNREACHABLE}
        world.pool.listing(changed(world, status), world.now_ms)
        world.ask("REQUEST", "r")
        world.cycle(lists=False)
        assert world.answers["r"] not in ({oldest.instance_id}, set())

    def test_one_on_a_silent_host_is_better_than_none(self) -> None:
        world = whole()
        ask_amid(world, CloudStatus.UNREACHABLE)
        assert len(world.answers["r"]) == 1

    def test_one_that_is_switched_off_is_not_assigned_and_soon_replaced(self) -> None:
        world = whole()
        listing = ask_amid(world, CloudStatus.OFF)
        assert world.answers["r"] == set()
        world.now_ms += PATIENCE_MS
        world.pool.listing(listing, world.now_ms)
        lost = world.pool.ledger.in_phase(Phase.ERROR)
        assert [x.reason for x in lost] == ["it is switched off"] * 3


def ask_amid(world: World, status: CloudStatus) -> list[Observed]:
    """Ask for an instance while all that are ready are in this status; return the listing."""
    ready = world.pool.ledger.in_phase(Phase.READY)
    listing = changed(world, {instance.intent_id: status for instance in ready})
    world.pool.listing(listing, world.now_ms)
    world.ask("REQUEST", "r")
    world.cycle(lists=False)
    return listing


def changed(world: World, status: dict[str, CloudStatus]) -> list[Observed]:
    """The listing with some instances in another status."""
    return [
        dataclasses.replace(found, status=status.get(found.intent_id, found.status))
        for found in world.cloud.list_pool(POOL)
    ]
