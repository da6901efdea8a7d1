"""The catalogue of topics: what each carries, how it is keyed, spread and kept."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from schemas import records

Cleanup = Literal["delete", "compact", "compact,delete"]

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the pipeline.

    Parameters
    ----------
    name
        Name without the deployment's prefix.
    key
        What the record key means, in words.
    record
        The record of its values; None for dead letters, which keep the original bytes.
    partitions
        Partitions it is created with; topics sharing `group` must have equally many.
    cleanup, retention_ms
        Kafka's cleanup policy, and retention (None where only compacted).
    about
        One sentence for readers of the catalogue.
    """

    name: str
    key: str
    record: type[msgspec.Struct] | None
    partitions: int
    cleanup: Cleanup
    retention_ms: int | None
    about: str


# Telemetry, profiles and predictions share one partitioning by user, so that a user's events,
# state and output stay in one worker. The pools' topics are spread by pool.
USER_PARTITIONS = 4
POOL_PARTITIONS = 4

TELEMETRY_ACTIVITY = Topic(
    "telemetry.activity", "user", records.ActivityBatch, USER_PARTITIONS, "delete", 30 * DAY_MS,
    "Batches of one user's events.",
)  # fmt: skip
TELEMETRY_TICKS = Topic(
    "telemetry.ticks", "none, one to every partition", records.Tick, USER_PARTITIONS, "delete",
    30 * DAY_MS, "Event-time heartbeats of collectors and replays.",
)  # fmt: skip
TELEMETRY_LATE = Topic(
    "telemetry.late", "user", records.LateActivity, USER_PARTITIONS, "delete", 30 * DAY_MS,
    "Events beyond the allowed lateness, or from the future.",
)  # fmt: skip
ALLOCATION_REQUESTS = Topic(
    "allocation.requests", "pool", records.AllocationRequest, POOL_PARTITIONS, "delete",
    30 * DAY_MS, "Requests, releases, extensions and cancellations.",
)  # fmt: skip
ALLOCATION_EVENTS = Topic(
    "allocation.events", "pool", records.AllocationEvent, POOL_PARTITIONS, "delete", 90 * DAY_MS,
    "What became of requests and instances: the feedback.",
)  # fmt: skip
CALENDAR_EVENTS = Topic(
    "calendar.events", "event id", records.CalendarEvent, 1, "compact", None,
    "Maintenance, launches, holidays, known ahead.",
)  # fmt: skip
PROFILES_USERS = Topic(
    "profiles.users", "user", records.UserProfile, USER_PARTITIONS, "compact", None,
    "A readable profile of each user.",
)  # fmt: skip
PROFILES_GROUPS = Topic(
    "profiles.groups", "group", records.GroupProfile, 1, "compact", None,
    "What the users of a group have in common, from five users on.",
)  # fmt: skip
POPULATION_PARTIALS = Topic(
    "population.partials", "partition", records.PopulationPartial, 1, "delete", 7 * DAY_MS,
    "What each partition learnt across users, each event-time hour.",
)  # fmt: skip
POPULATION_PRIOR = Topic(
    "population.prior", "hour, or snapshot slot and chunk", records.PopulationPrior, 1, "compact",
    None, "The merged statistics, and snapshots of their sum.",
)  # fmt: skip
PREDICTIONS_PROGRAMS = Topic(
    "predictions.programs", "user", records.ProgramPrediction, USER_PARTITIONS, "delete",
    30 * DAY_MS, "Which programs a user will start next, and when.",
)  # fmt: skip
DEMAND_OBSERVED = Topic(
    "demand.observed", "pool", records.DemandObserved, POOL_PARTITIONS, "delete", 30 * DAY_MS,
    "Demand per minute as seen from each profile partition.",
)  # fmt: skip
DEMAND_PARTIALS = Topic(
    "demand.partials", "pool", records.DemandPartial, 1, "delete", 7 * DAY_MS,
    "What each pool adds to the total, every hour and five minutes of event time.",
)  # fmt: skip
FORECASTS_DEMAND = Topic(
    "forecasts.demand", "pool", records.DemandForecast, POOL_PARTITIONS, "delete", 90 * DAY_MS,
    "Quantiles per resource and horizon.",
)  # fmt: skip
RESERVE_STATUS = Topic(
    "reserve.status", "pool", records.ReserveStatus, POOL_PARTITIONS, "delete", 90 * DAY_MS,
    "Target, tiers, hits, misses, cost and why.",
)  # fmt: skip
RESERVE_ACTIONS = Topic(
    "reserve.actions", "pool", records.ReserveAction, POOL_PARTITIONS, "delete", 90 * DAY_MS,
    "Each action on the cloud.",
)  # fmt: skip
RESERVE_STATE = Topic(
    "reserve.state", "intent or lease", records.ReserveState, POOL_PARTITIONS, "compact", None,
    "Intents and leases, as of the last transaction.",
)  # fmt: skip
SHADOW_EVENTS = Topic(
    "shadow.events", "pool", records.ShadowEvent, POOL_PARTITIONS, "delete", 90 * DAY_MS,
    "Shadow runs, hits, misses, saved seconds.",
)  # fmt: skip
ALERTS_ANOMALIES = Topic(
    "alerts.anomalies", "subject", records.AnomalyAlert, POOL_PARTITIONS, "delete", 90 * DAY_MS,
    "Incidents with evidence.",
)  # fmt: skip
# One partition: what people say and what detectors see meet in one state, under one alert budget.
ALERTS_FEEDBACK = Topic(
    "alerts.feedback", "subject", records.AlertFeedback, 1, "delete", 90 * DAY_MS,
    "Acknowledgements and corrections by people.",
)  # fmt: skip
ANOMALIES_OBSERVED = Topic(
    "anomalies.observed", "subject", records.AnomalyObservation, 1, "delete", 7 * DAY_MS,
    "Points that detectors found unlikely, before they are grouped to incidents.",
)  # fmt: skip

CARRYING_RECORDS = (
    TELEMETRY_ACTIVITY, TELEMETRY_TICKS, TELEMETRY_LATE, ALLOCATION_REQUESTS, ALLOCATION_EVENTS,
    CALENDAR_EVENTS, PROFILES_USERS, PROFILES_GROUPS, POPULATION_PARTIALS, POPULATION_PRIOR,
    PREDICTIONS_PROGRAMS, DEMAND_OBSERVED, DEMAND_PARTIALS, FORECASTS_DEMAND, RESERVE_STATUS,
    RESERVE_ACTIONS, RESERVE_STATE, SHADOW_EVENTS, ALERTS_ANOMALIES, ALERTS_FEEDBACK,
    ANOMALIES_OBSERVED,
)  # fmt: skip

# Each consumed topic has a dead-letter topic of its own, with the source's key and bytes.
CONSUMED = (
    TELEMETRY_ACTIVITY, TELEMETRY_TICKS, ALLOCATION_REQUESTS, CALENDAR_EVENTS,
    POPULATION_PARTIALS, POPULATION_PRIOR, DEMAND_OBSERVED, DEMAND_PARTIALS,
    FORECASTS_DEMAND, PREDICTIONS_PROGRAMS, ALERTS_FEEDBACK, ANOMALIES_OBSERVED, ALERTS_ANOMALIES,
    RESERVE_STATUS,
)  # fmt: skip


def dead_letters(topic: Topic) -> Topic:
    """The dead-letter topic of a consumed topic.

    Examples
    --------
    >>> dead_letters(TELEMETRY_ACTIVITY).name
    'telemetry.activity.dead-letter'
    """
    return Topic(
        f"{topic.name}.dead-letter", topic.key, None, 1, "delete", 30 * DAY_MS,
        f"Messages of {topic.name} that could not be used, with the reason in their headers.",
    )  # fmt: skip


CATALOGUE = CARRYING_RECORDS + tuple(dead_letters(t) for t in CONSUMED)
BY_NAME = {topic.name: topic for topic in CATALOGUE}
