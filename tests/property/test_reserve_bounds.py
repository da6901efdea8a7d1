"""Whatever happens, the reserve's decisions stay within its caps and can be carried out."""

from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.policy.knobs import ReserveKnobs
from allocator.policy.position import Position
from allocator.policy.reserve import ReservePolicy

STEPS = st.lists(
    st.tuples(st.floats(0.0, 5000.0), st.integers(0, 8), st.booleans(), st.integers(0, 30)),
    min_size=1,
    max_size=60,
)


@settings(max_examples=40)
@given(steps=STEPS, cap=st.integers(0, 40), lead=st.floats(1.0, 3600.0))
def test_never_over_the_cap_never_more_than_may_end(steps, cap, lead):
    policy = ReservePolicy(ReserveKnobs(cap=cap, lead_time_s=lead))
    now = 1e9
    for gap, requests, hit, ready in steps:
        now += gap
        for k in range(requests):
            policy.requested(now, f"u{k}", "p", hit=hit)
        position = Position(ready=ready, building=3, terminable=ready // 2)
        decision = policy.target(now, position)
        assert decision.launch == 0 or position.size + decision.launch <= cap
        assert 0 <= decision.terminate <= position.terminable
        assert decision.launch == 0 or decision.terminate == 0
    again = ReservePolicy.from_bytes(policy.to_bytes(), policy.knobs)
    assert again.to_bytes() == policy.to_bytes()


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_state_or_a_value_error(blob):
    try:
        ReservePolicy.from_bytes(blob, ReserveKnobs())
    except ValueError:
        return
    raise AssertionError("300 bytes can't be a state")
