"""The books of a pool: legal lives only, a hard cap, and a state that survives."""

import itertools

import pytest

from allocator.machine.instance import Instance, Lease, from_bytes, to_bytes
from allocator.machine.ledger import CapError, PoolLedger
from allocator.machine.lifecycle import (
    TRANSITIONS,
    IllegalTransitionError,
    Phase,
    check_transition,
)


def test_every_life_ends_in_gone_and_gone_is_the_end() -> None:
    reached = {Phase.GONE}
    for _ in Phase:
        reached |= {p for p in Phase if TRANSITIONS[p] & reached}
    assert reached == set(Phase)
    assert not TRANSITIONS[Phase.GONE]


def test_a_leased_instance_is_never_ready_again_without_a_rebuild() -> None:
    ways = [[Phase.ASSIGNED]]
    for _ in range(8):
        for way in ways:
            if way[-1] is Phase.READY:
                assert Phase.RECYCLING in way
        ways = [[*w, after] for w in ways for after in TRANSITIONS[w[-1]] if after not in w]


def test_every_other_way_is_refused() -> None:
    for before, after in itertools.product(Phase, Phase):
        if after not in TRANSITIONS[before]:
            with pytest.raises(IllegalTransitionError):
                check_transition(before, after)


def test_the_cap_counts_unresolved_intents() -> None:
    ledger = PoolLedger("office", cap=2, epoch=1)
    ledger.plan(0, "one")
    ledger.move(ledger.plan(0, "two"), Phase.LAUNCHING, 0)
    with pytest.raises(CapError):
        ledger.plan(0, "three")


def test_what_was_committed_is_what_is_restored() -> None:
    ledger = PoolLedger("office", cap=9, epoch=1)
    for number in range(5):
        instance = ledger.plan(number, "why")
        if number > 1:
            ledger.move(instance, Phase.BUILDING, number)
        if number > 2:
            ledger.move(instance, Phase.READY, number)
    ledger.keep_policy(b"learned")
    state = {k: v for k, v in ledger.take_changes().items() if v is not None}
    again = PoolLedger.restore("office", 9, 2, state)
    assert again.instances == ledger.instances
    assert (again.totals, again.policy) == (ledger.totals, b"learned")
    assert again.first(Phase.READY) == ledger.first(Phase.READY)
    assert again.plan(9, "next").intent_id == "office-1-6"


def test_what_is_gone_leaves_a_tombstone() -> None:
    ledger = PoolLedger("office", cap=1, epoch=1)
    instance = ledger.plan(0, "why")
    ledger.take_changes()
    ledger.move(instance, Phase.GONE, 1)
    assert ledger.take_changes() == {"office/instance/office-1-1": None}


@pytest.mark.parametrize("blob", [b"", b"\x02abc", b"\x01", b"\x01\xff\xff", b"\x01\x80"])
@pytest.mark.parametrize("as_type", [Instance, Lease])
def test_hostile_state_is_refused(blob, as_type) -> None:
    with pytest.raises(ValueError, match="not"):
        from_bytes(blob, as_type)


def test_a_truncated_record_is_refused() -> None:
    whole = to_bytes(Instance(intent_id="i", number=1, phase=Phase.READY, planned_ms=0, since_ms=0))
    for end in range(len(whole)):
        with pytest.raises(ValueError, match="not"):
            from_bytes(whole[:end], Instance)
