"""What each process needs of Kafka, and nothing beyond: the source of `warmfront acls`."""

from dataclasses import dataclass

from schemas import topics as t
from schemas.topics import CATALOGUE, CONSUMED, Topic, dead_letters

# The tables of `streams.agents.worker`; their changelogs are the workers' own.
CHANGELOGS = "warmfront-workers-"


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of process, or of person.

    Parameters
    ----------
    name, about
        As `warmfront acls` shows it.
    reads, writes
        Topics of the catalogue.
    joins
        Groups that it is a member of, without the deployment's prefix.
    watches
        Groups whose position it only asks for.
    transactions
        Prefix of its transactional ids; empty for none.
    keeps
        Prefix of topics that it creates, reads and writes; empty for none.
    looks_into
        Prefix of topics that it only reads; empty for none.
    deletes
        Topics whose oldest records it removes.
    creates
        Whether it makes the catalogue's topics.
    """

    name: str
    about: str
    reads: tuple[Topic, ...] = ()
    writes: tuple[Topic, ...] = ()
    joins: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    transactions: str = ""
    keeps: str = ""
    looks_into: str = ""
    deletes: tuple[Topic, ...] = ()
    creates: bool = False


def _letters(*consumed: Topic) -> tuple[Topic, ...]:
    return tuple(dead_letters(topic) for topic in consumed)


_WORKER_READS = (
    t.TELEMETRY_ACTIVITY, t.TELEMETRY_TICKS, t.POPULATION_PARTIALS, t.POPULATION_PRIOR,
    t.DEMAND_OBSERVED, t.DEMAND_PARTIALS, t.RESERVE_STATUS, t.ANOMALIES_OBSERVED,
    t.ALERTS_FEEDBACK, t.CALENDAR_EVENTS,
)  # fmt: skip
_ALLOCATOR_READS = (
    t.ALLOCATION_REQUESTS, t.FORECASTS_DEMAND, t.PREDICTIONS_PROGRAMS, t.PROFILES_USERS,
    t.ALERTS_ANOMALIES, t.RESERVE_STATE, t.CALENDAR_EVENTS,
)  # fmt: skip

ROLES = (
    Role(
        "worker", "Learns and forecasts (`warmfront worker`).", _WORKER_READS,
        (
            t.TELEMETRY_LATE, t.PROFILES_USERS, t.PROFILES_GROUPS, t.POPULATION_PARTIALS,
            t.POPULATION_PRIOR, t.PREDICTIONS_PROGRAMS, t.DEMAND_OBSERVED, t.DEMAND_PARTIALS,
            t.FORECASTS_DEMAND, t.ANOMALIES_OBSERVED, t.ALERTS_ANOMALIES,
            *_letters(*_WORKER_READS),
        ),
        joins=("warmfront-workers",), keeps=CHANGELOGS,
    ),
    Role(
        "allocator", "Keeps the reserve (`warmfront allocator`).", _ALLOCATOR_READS,
        (
            t.ALLOCATION_EVENTS, t.RESERVE_STATUS, t.RESERVE_ACTIONS, t.RESERVE_STATE,
            t.SHADOW_EVENTS, t.ALERTS_ANOMALIES,
            *_letters(t.ALLOCATION_REQUESTS, t.FORECASTS_DEMAND),
        ),
        joins=("allocator",), transactions="allocator-",
    ),
    Role(
        "collector", "Tells what runs on a host (`warmfront collect`).", (t.PREDICTIONS_PROGRAMS,),
        (t.TELEMETRY_ACTIVITY, t.TELEMETRY_TICKS),
    ),
    Role(
        "client", "A program that asks for instances (streams.client).",
        (t.ALLOCATION_EVENTS, t.FORECASTS_DEMAND, t.PREDICTIONS_PROGRAMS),
        (t.ALLOCATION_REQUESTS,),
    ),
    Role(
        "dashboard", "Shows it all (`warmfront dashboard`); writes nothing.",
        (
            t.DEMAND_OBSERVED, t.FORECASTS_DEMAND, t.RESERVE_STATUS, t.RESERVE_ACTIONS,
            t.ALLOCATION_EVENTS, t.SHADOW_EVENTS, t.ALERTS_ANOMALIES, t.PREDICTIONS_PROGRAMS,
            t.PROFILES_USERS, t.TELEMETRY_TICKS, t.ALLOCATION_REQUESTS, t.POPULATION_PARTIALS,
            t.TELEMETRY_ACTIVITY, *_letters(*CONSUMED),
        ),
        watches=("warmfront-workers", "allocator"),
    ),
    Role(
        "alert-sink", "Carries alerts to a webhook (`warmfront alert-sink`).",
        (t.ALERTS_ANOMALIES,), _letters(t.ALERTS_ANOMALIES), joins=("alert-sink",),
    ),
    Role(
        "operator", "A person with every command, `forget` and `dlq replay` among them.",
        CATALOGUE, (*CONSUMED, t.TELEMETRY_TICKS), looks_into=CHANGELOGS,
        deletes=tuple(topic for topic in CATALOGUE if topic.key == "user" and topic.record),
        creates=True,
    ),
)  # fmt: skip
BY_NAME = {role.name: role for role in ROLES}
