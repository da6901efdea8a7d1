"""The records on the topics, generated from schemas/avro by `python -m schemas.generate`.

Times are unix milliseconds, UTC. Don't edit: change the .avsc and generate again.
"""

from typing import Literal

import msgspec


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a user did or a machine measured."""

    seq: int
    time: int
    kind: Literal["LAUNCH", "EXIT", "SWITCH", "ACCESS", "SAMPLE", "WAIT"]
    program: str
    session: str | None = None
    cpu_cores: float | None = None
    memory_bytes: int | None = None
    storage_bytes: int | None = None
    disk_bytes_per_s: float | None = None
    network_bytes_per_s: float | None = None
    data_ref: str | None = None
    wait_s: float | None = None
    outcome: str | None = None


class ActivityBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of one user's events, in the source's order."""

    user: str
    host: str
    source: str
    events: list[Activity]
    zone: str | None = None
    forget: bool = False


class AlertFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of an incident."""

    incident_id: str
    subject: str
    verdict: Literal["ACKNOWLEDGED", "NOT_AN_ANOMALY"]
    time: int
    by: str
    note: str | None = None


class AllocationEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What the allocator did about a request or an instance."""

    event_id: str
    request_id: str | None = None
    kind: Literal["ASSIGNED", "STARTED", "START_FAILED", "RELEASED", "EXTENDED", "CANCELLED", "REJECTED", "BUILT", "FAILED"]
    pool: str
    instance_id: str | None = None
    tier: str | None = None
    wait_ms: int | None = None
    time: int
    reason: str
    user: str | None = None
    program: str | None = None
    prepared_steps: list[str] = []
    saved_s: float | None = None


class AllocationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A user's wish for an instance, or what becomes of it."""

    request_id: str
    kind: Literal["REQUEST", "RELEASE", "EXTEND", "CANCEL"]
    user: str
    program: str
    pool: str | None = None
    time: int
    deadline: int | None = None
    priority: int | None = None


class AnomalyAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One incident, opened, updated or ended."""

    alert_id: str
    incident_id: str
    subject: str
    kind: str
    severity: Literal["INFO", "WARNING", "CRITICAL"]
    started_at: int
    ended_at: int | None = None
    observed: float
    expected_low: float
    expected_high: float
    p_value: float | None = None
    evidence: str


class AnomalyObservation(msgspec.Struct, frozen=True, kw_only=True):
    """One judged point, on its way to the desk that makes incidents of them."""

    observation_id: str
    subject: str
    kind: str
    time: int
    score: float
    observed: float
    expected_low: float
    expected_high: float
    p_value: float | None = None
    what: str


class CalendarEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something known ahead that changes demand or capacity."""

    event_id: str
    kind: Literal["MAINTENANCE", "LAUNCH", "HOLIDAY", "OTHER"]
    title: str
    start: int
    end: int
    pool: str | None = None
    expected_uplift: float | None = None
    cancelled: bool = False
    category: str | None = None
    known_from: int | None = None
    capacity_left: float | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    time: int
    quantiles: list[float]


class DemandForecast(msgspec.Struct, frozen=True, kw_only=True):
    """Probabilistic forecast of one resource of one pool."""

    forecast_id: str
    pool: str
    resource: Literal["INSTANCES", "CPU", "MEMORY", "STORAGE", "NETWORK"]
    unit: str
    made_at: int
    horizon: Literal["HOUR", "DAY", "WEEK"]
    step_s: int
    steps: list[Step]
    levels: list[float]
    peak: list[float]
    model: str
    means: list[float] = []


class MinuteDemand(msgspec.Struct, frozen=True, kw_only=True):
    """One minute: launches, integrals over it, and the levels it ends with."""

    time: int
    launches: int
    cpu_millicore_ms: int
    memory_kib_ms: int
    storage_kib_ms: int
    network_byte_ms: int
    cpu_millicores: int
    memory_kib: int
    storage_kib: int
    network_bytes_per_s: int


class DemandObserved(msgspec.Struct, frozen=True, kw_only=True):
    """Demand on one pool as seen from one profile partition, absolute values per minute."""

    pool: str
    source_partition: int
    source_offset: int
    closed_through: int
    minutes: list[MinuteDemand]
    expected_launches: float = 0.0


class ResourcePart(msgspec.Struct, frozen=True, kw_only=True):
    """One resource: what was, and the means that are expected of the next 168 hours or 60 minutes."""

    resource: Literal["INSTANCES", "CPU", "MEMORY", "STORAGE", "NETWORK"]
    observed: float
    week_means: list[float]
    minutes: list[float] = []
    hour_means: list[float] = []


class DemandPartial(msgspec.Struct, frozen=True, kw_only=True):
    """What one pool adds to the total of a closed hour, or of the last five minutes; parts are left out while it never had demand."""

    pool: str
    made_at: int
    parts: list[ResourcePart]
    by_minute: bool = False
    is_due: bool = False


class GroupSequence(msgspec.Struct, frozen=True, kw_only=True):
    """After `first`, `then` follows within the window with this probability, over the users of a group."""

    first: str
    then: str
    window_s: int
    probability: float
    low: float
    high: float
    support: int
    users: int


class GroupProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What the users of a group have in common; no program of fewer users than the floor is named."""

    group: str
    updated_at: int
    floor: int
    users: int | None = None
    sequences: list[GroupSequence]


class LateActivity(msgspec.Struct, frozen=True, kw_only=True):
    """An event that came after its minute was closed, or from the future."""

    user: str
    source: str
    reason: Literal["LATE", "FUTURE"]
    watermark: int
    source_partition: int
    source_offset: int
    event: Activity


class PopulationPartial(msgspec.Struct, frozen=True, kw_only=True):
    """What one partition learnt across its users in one event-time hour; every earlier hour is closed in it too."""

    partition: int
    hour: int
    source_offset: int
    body: bytes
    groups: bytes | None = None


class PopulationPrior(msgspec.Struct, frozen=True, kw_only=True):
    """The merged statistics of one hour (DELTA), or all so far (SNAPSHOT)."""

    kind: Literal["DELTA", "SNAPSHOT"]
    hour: int
    body: bytes
    chunk: int = 0
    chunks: int = 1
    expected_launches: list[float] = []


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A program that may come next."""

    program: str
    p_next: float
    p_1m: float
    p_5m: float
    p_15m: float
    p_60m: float
    expected_s: float | None = None
    data_refs: list[str] = []


class DataTouch(msgspec.Struct, frozen=True, kw_only=True):
    """Data that a run is likely to touch."""

    data_ref: str
    p: float


class ProgramPrediction(msgspec.Struct, frozen=True, kw_only=True):
    """What a user will start next, made on arrival of a launch."""

    prediction_id: str
    user: str
    after_program: str
    made_at: int
    candidates: list[Candidate]
    model: str
    pool: str | None = None
    data: list[DataTouch] = []
    sensitivity: float | None = None


class ReserveAction(msgspec.Struct, frozen=True, kw_only=True):
    """One call to the cloud and why it was made."""

    action_id: str
    pool: str
    time: int
    verb: Literal["CREATE", "DELETE", "PAUSE", "UNPAUSE", "SHELVE", "UNSHELVE", "REBUILD", "ADOPT", "COLLECT", "SUSPEND", "RESUME", "WIDEN", "NARROW", "PREPARE", "UNDO"]
    instance_id: str | None = None
    intent_id: str | None = None
    outcome: Literal["PLANNED", "DONE", "FAILED", "UNKNOWN"]
    reason: str
    error: str | None = None


class ReserveState(msgspec.Struct, frozen=True, kw_only=True):
    """An intent or lease, as of the last transaction; compacted by key."""

    key: str
    pool: str
    kind: Literal["INTENT", "LEASE", "INSTANCE", "POLICY"]
    time: int
    body: bytes


class ReserveStatus(msgspec.Struct, frozen=True, kw_only=True):
    """State of one pool's warm reserve and why it is so."""

    pool: str
    time: int
    target: int
    ready: int
    building: int
    paused: int = 0
    shelved: int = 0
    leased: int
    cap: int
    hits: int
    misses: int
    hit_rate: float
    target_hit_rate: float
    idle_instance_hours: float
    wait_ms_p50: float | None = None
    wait_ms_p99: float | None = None
    lead_time_s: float
    reason: str
    observe_only: bool = False
    unresolved: int = 0
    suspended: int = 0
    lead_time_s_p95: float | None = None
    forecast: float | None = None
    forecast_high: float | None = None
    intents: float | None = None
    demand_1h: int = 0
    forecast_1h: float | None = None
    forecast_1h_high: float | None = None
    cpu_cores_p50: float | None = None
    cpu_cores_p95: float | None = None
    memory_bytes_p95: float | None = None
    floor: str = ""
    flags: list[str] = []


class ShadowEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A shadow run and what became of it."""

    event_id: str
    pool: str
    time: int
    kind: Literal["STARTED", "PREPARED", "HIT", "MISS", "UNDONE", "FAILED"]
    user: str
    program: str
    step_id: str | None = None
    instance_id: str | None = None
    probability: float
    value: float
    saved_s: float | None = None
    wasted_s: float | None = None
    reason: str


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """Event-time heartbeat of a source for one partition of telemetry.activity."""

    source: str
    time: int
    partition: int
    activity_offset: int | None = None
    kind: Literal["HEARTBEAT", "IDLE"] = "HEARTBEAT"


class ProgramUse(msgspec.Struct, frozen=True, kw_only=True):
    """How one program is used."""

    program: str
    launches: int
    share: float
    cpu_cores_p50: float | None = None
    cpu_cores_p95: float | None = None
    memory_bytes_p50: float | None = None
    memory_bytes_p95: float | None = None
    storage_bytes_p95: float | None = None
    network_bytes_per_s_p95: float | None = None
    duration_s_p50: float | None = None
    data_refs: list[str]
    storage_bytes_p50: float | None = None
    disk_bytes_per_s_p50: float | None = None
    disk_bytes_per_s_p95: float | None = None
    network_bytes_per_s_p50: float | None = None
    duration_s_p95: float | None = None
    sensitivity: float | None = None
    sensitivity_low: float | None = None
    sensitivity_high: float | None = None
    data: list[DataTouch] = []


class Sequence(msgspec.Struct, frozen=True, kw_only=True):
    """After `first`, `then` follows within the window with this probability."""

    first: str
    then: str
    window_s: int
    probability: float
    low: float
    high: float
    support: int


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """How long after one program the next is launched."""

    first: str
    then: str
    count: int
    share: float
    gap_s_p10: float
    gap_s_p50: float
    gap_s_p90: float
    gap_shares: list[float]


class UserProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A readable profile of one user."""

    user: str
    updated_at: int
    launches: int
    zone: str
    week_rates: list[float]
    programs: list[ProgramUse]
    sequences: list[Sequence]
    sensitivity: float | None = None
    sensitivity_low: float | None = None
    sensitivity_high: float | None = None
    presence_24h: list[float]
    next_session_length_s: float | None = None
    transitions: list[Transition] = []
    session_starts_24h: list[float] = []
    next_session_at: int | None = None
