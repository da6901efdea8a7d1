-- The warehouse's tables: one a topic, filled by Kafka Connect, keyed by the records' own ids, so
-- that a record delivered twice is there once. Columns that a later schema adds come by themselves.
-- Times are UTC, without a zone: what a zone would be taken to mean depends on the JVM of Connect.
-- Run it as often as you like.

CREATE TABLE IF NOT EXISTS forecasts (
    forecast_id text PRIMARY KEY,
    pool        text NOT NULL,
    resource    text NOT NULL,          -- INSTANCES, CPU, MEMORY, STORAGE, NETWORK
    unit        text NOT NULL,
    made_at     timestamp NOT NULL,   -- event time
    horizon     text NOT NULL,          -- HOUR, DAY, WEEK
    step_s      integer NOT NULL,
    steps       jsonb NOT NULL,         -- [{"time": ms, "quantiles": [...]}, ...]
    levels      jsonb NOT NULL,         -- probabilities of the quantiles
    peak        jsonb NOT NULL,         -- quantiles of the largest step
    model       text NOT NULL,
    means       jsonb                   -- expected value of each step
);
ALTER TABLE forecasts ADD COLUMN IF NOT EXISTS means jsonb;
CREATE INDEX IF NOT EXISTS forecasts_by_pool ON forecasts (pool, resource, horizon, made_at);

CREATE TABLE IF NOT EXISTS allocation_events (
    event_id    text PRIMARY KEY,
    request_id  text,
    kind        text NOT NULL,
    pool        text NOT NULL,
    instance_id text,
    tier        text,
    wait_ms     bigint,
    "time"      timestamp NOT NULL,
    reason      text NOT NULL,
    "user"      text,
    program     text,
    prepared_steps jsonb              -- names of steps that shadow execution had run
);
CREATE INDEX IF NOT EXISTS allocation_events_by_request ON allocation_events (request_id);

CREATE TABLE IF NOT EXISTS alerts (
    alert_id      text PRIMARY KEY,
    incident_id   text NOT NULL,
    subject       text NOT NULL,
    kind          text NOT NULL,
    severity      text NOT NULL,
    started_at    timestamp NOT NULL,
    ended_at      timestamp,
    observed      double precision NOT NULL,
    expected_low  double precision NOT NULL,
    expected_high double precision NOT NULL,
    p_value       double precision,
    evidence      text NOT NULL
);

CREATE TABLE IF NOT EXISTS reserve_status (
    pool                text NOT NULL,
    "time"              timestamp NOT NULL,
    target              integer NOT NULL,
    ready               integer NOT NULL,
    building            integer NOT NULL,
    paused              integer NOT NULL,
    shelved             integer NOT NULL,
    leased              integer NOT NULL,
    cap                 integer NOT NULL,
    hits                bigint NOT NULL,
    misses              bigint NOT NULL,
    hit_rate            double precision NOT NULL,
    target_hit_rate     double precision NOT NULL,
    idle_instance_hours double precision NOT NULL,  -- since the pool began
    wait_ms_p50         double precision,
    wait_ms_p99         double precision,
    lead_time_s         double precision NOT NULL,
    reason              text NOT NULL,
    observe_only        boolean NOT NULL,
    unresolved          integer NOT NULL,
    flags               jsonb,              -- what an operator should know, one word each
    PRIMARY KEY (pool, "time")
);

CREATE TABLE IF NOT EXISTS demand_observed (
    pool              text NOT NULL,
    source_partition  integer NOT NULL,
    source_offset     bigint NOT NULL,
    closed_through    timestamp NOT NULL,
    minutes           jsonb NOT NULL,   -- those in which something changed
    expected_launches double precision NOT NULL,
    PRIMARY KEY (pool, source_partition, closed_through)
);

-- Filled by you, not by a topic.

-- What an instance hour costs; a pool without a row has hours and no cost in the views.
CREATE TABLE IF NOT EXISTS pool_prices (
    pool            text PRIMARY KEY,
    per_hour        double precision NOT NULL,
    currency        text NOT NULL
);

-- Which group a user belongs to. Users are pseudonyms: see `warmfront profile`.
CREATE TABLE IF NOT EXISTS user_groups (
    "user"      text PRIMARY KEY,
    group_name  text NOT NULL
);
