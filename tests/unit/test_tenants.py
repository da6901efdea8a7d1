"""Deployments on one broker are kept apart by their topic prefix: keys, rules, what is learnt.

State, and so each model, is kept on changelogs and topics, and what is learnt across users is read
from `population.prior`: whose names are apart, their models are.
"""

import pytest

from schemas.roles import CHANGELOGS, ROLES, Role
from schemas.settings import Settings
from schemas.topics import CATALOGUE
from streams.runtime.access import Grant, grants
from streams.runtime.app import changelog

# One whose name begins with the other's, and one without any.
TENANTS = ("blue.", "blue.green.", "")
PAIRS = [(one, other) for one in TENANTS for other in TENANTS if one != other]
TABLES = ("users", "partitions", "pools")


def names(prefix: str) -> set[str]:
    """What a deployment's state and messages are kept under."""
    settings = Settings(topic_prefix=prefix)
    return {settings.topic(t.name) for t in CATALOGUE} | {changelog(settings, t) for t in TABLES}


def covers(grant: Grant, name: str) -> bool:
    return name.startswith(grant.name) if grant.pattern == "PREFIXED" else name == grant.name


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_nothing_is_kept_under_a_name_of_two(one: str, other: str) -> None:
    assert names(one) & names(other) == set()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_no_rule_of_one_covers_a_name_of_another(one: str, other: str, role: Role) -> None:
    ours, theirs = (grants(role, Settings(topic_prefix=prefix)) for prefix in (one, other))
    reached = {(g.name, name) for g in ours for name in names(other) if covers(g, name)}
    assert reached == set()
    assert {(g.kind, g.name) for g in ours}.isdisjoint((g.kind, g.name) for g in theirs)


def test_the_workers_changelogs_are_those_that_their_rules_name() -> None:
    settings = Settings(topic_prefix="blue.")
    assert all(changelog(settings, t).startswith(settings.topic(CHANGELOGS)) for t in TABLES)
