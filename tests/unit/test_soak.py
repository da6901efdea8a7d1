"""A soak that injected nothing, or whose tests failed, is no good one."""

import pytest

from tests.testkit.soak import is_good


@pytest.mark.parametrize(
    ("code", "injected", "good"),
    [
        (0, {"kills": {"strikes": 3}, "stops": {"strikes": 1}}, True),
        (0, {"kills": {"strikes": 3}, "stops": {"strikes": 0}}, False),
        (0, {}, False),
        (1, {"kills": {"strikes": 3}}, False),
    ],
)
def test_only_a_round_that_struck_and_passed_counts(code, injected, good) -> None:
    assert is_good({"exit_code": code, "injected": injected}) is good
