-- The questions people ask, as views over tables.sql. Run it after tables.sql, as often as you like.
-- Weeks begin on Monday, 00:00 UTC.

-- Leases: one row for each assigned request, with its end where it has one.
CREATE OR REPLACE VIEW leases AS
SELECT assigned.request_id, assigned.pool, assigned."user", assigned.program,
       assigned.instance_id, assigned.tier, assigned.wait_ms,
       assigned."time" AS assigned_at, ended.ended_at
FROM allocation_events assigned
LEFT JOIN LATERAL (
    SELECT min(e."time") AS ended_at
    FROM allocation_events e
    WHERE e.request_id = assigned.request_id
      AND e.kind IN ('RELEASED', 'FAILED', 'CANCELLED', 'START_FAILED')
      AND e."time" >= assigned."time"
) ended ON true
WHERE assigned.kind = 'ASSIGNED';

-- What is known of each pool reaches to here; an open lease is counted up to it.
CREATE OR REPLACE VIEW pool_known_until AS
SELECT pool, max("time") AS known_until
FROM (SELECT pool, "time" FROM reserve_status
      UNION ALL SELECT pool, "time" FROM allocation_events) AS told
GROUP BY pool;

-- 1. What does each pool cost in a week, idle and in use, and what does it give?
CREATE OR REPLACE VIEW cost_per_pool_and_week AS
WITH steps AS (
    SELECT pool, "time",
           idle_instance_hours - lag(idle_instance_hours, 1, 0) OVER w AS idle_hours,
           hits - lag(hits, 1, 0::bigint) OVER w AS hits,
           misses - lag(misses, 1, 0::bigint) OVER w AS misses
    FROM reserve_status
    WINDOW w AS (PARTITION BY pool ORDER BY "time")
), idle AS (
    -- Counters that fall were reset with the allocator's state: what they lost isn't negative cost.
    SELECT pool, date_trunc('week', "time") AS week,
           sum(greatest(idle_hours, 0)) AS idle_instance_hours,
           sum(greatest(hits, 0))::bigint AS hits, sum(greatest(misses, 0))::bigint AS misses
    FROM steps GROUP BY 1, 2
), spans AS (
    SELECT l.pool, l.assigned_at AS begun,
           greatest(coalesce(l.ended_at, k.known_until), l.assigned_at) AS ended
    FROM leases l JOIN pool_known_until k USING (pool)
), leased AS (
    SELECT pool, week,
           sum(extract(epoch FROM least(ended, week + interval '7 days') - greatest(begun, week)))
             / 3600.0 AS leased_instance_hours
    FROM spans,
         LATERAL generate_series(date_trunc('week', begun), ended, interval '7 days') AS week
    GROUP BY 1, 2
)
SELECT pool, week::date AS week,
       coalesce(idle_instance_hours, 0) AS idle_instance_hours,
       coalesce(leased_instance_hours, 0)::double precision AS leased_instance_hours,
       coalesce(hits, 0) AS hits, coalesce(misses, 0) AS misses,
       coalesce(idle_instance_hours, 0) * per_hour AS idle_cost,
       coalesce(leased_instance_hours, 0)::double precision * per_hour AS leased_cost,
       currency
FROM idle FULL JOIN leased USING (pool, week) LEFT JOIN pool_prices USING (pool);

-- 2. How long did each group of users wait, by program?
CREATE OR REPLACE VIEW waits_by_user_group AS
SELECT coalesce(g.group_name, 'no group') AS group_name, e.program,
       date_trunc('week', e."time")::date AS week,
       count(*) AS requests,
       avg((e.tier <> 'cold')::integer)::double precision AS warm_ratio,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY e.wait_ms) / 1000.0 AS wait_s_p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY e.wait_ms) / 1000.0 AS wait_s_p95,
       max(e.wait_ms) / 1000.0::double precision AS wait_s_max
FROM allocation_events e LEFT JOIN user_groups g ON g."user" = e."user"
WHERE e.kind = 'ASSIGNED' AND e.wait_ms IS NOT NULL
GROUP BY 1, 2, 3;

-- 3. Were the forecasts right? First what really happened, per minute and per hour.

-- After a crash a minute may be told again, in a message with later ones: it says the same.
CREATE OR REPLACE VIEW observed_minutes AS
SELECT DISTINCT ON (d.pool, d.source_partition, minute)
       d.pool, d.source_partition,
       to_timestamp((m ->> 'time')::bigint / 1000.0) AT TIME ZONE 'UTC' AS minute,
       (m ->> 'launches')::bigint AS launches,
       (m ->> 'cpu_millicore_ms')::double precision / 60000 / 1000 AS cpu_mean,
       (m ->> 'memory_kib_ms')::double precision / 60000 * 1024 AS memory_mean,
       (m ->> 'storage_kib_ms')::double precision / 60000 * 1024 AS storage_mean,
       (m ->> 'network_byte_ms')::double precision / 60000 AS network_mean,
       (m ->> 'cpu_millicores')::double precision / 1000 AS cpu_after,
       (m ->> 'memory_kib')::double precision * 1024 AS memory_after,
       (m ->> 'storage_kib')::double precision * 1024 AS storage_after,
       (m ->> 'network_bytes_per_s')::double precision AS network_after
FROM demand_observed d, LATERAL jsonb_array_elements(d.minutes) AS m
ORDER BY d.pool, d.source_partition, minute, d.closed_through;

-- All partitions have told everything before this; what comes after isn't known yet.
CREATE OR REPLACE VIEW pool_closed_through AS
SELECT pool, min(closed) AS closed_through
FROM (SELECT pool, source_partition, max(closed_through) AS closed
      FROM demand_observed GROUP BY 1, 2) AS partitions
GROUP BY pool;

-- Levels hold until the partition tells another: a changed minute, then the level it ended with.
CREATE OR REPLACE VIEW demand_per_hour AS
WITH stretches AS (
    SELECT pool, minute AS begun, minute + interval '1 minute' AS ended, launches,
           cpu_mean AS cpu, memory_mean AS memory, storage_mean AS storage, network_mean AS network
    FROM observed_minutes
    UNION ALL
    SELECT o.pool, o.minute + interval '1 minute',
           lead(o.minute, 1, c.closed_through)
             OVER (PARTITION BY o.pool, o.source_partition ORDER BY o.minute),
           0, cpu_after, memory_after, storage_after, network_after
    FROM observed_minutes o JOIN pool_closed_through c USING (pool)
), pieces AS (
    SELECT s.*, hour,
           extract(epoch FROM least(ended, hour + interval '1 hour') - greatest(begun, hour))
             / 3600.0 AS share
    FROM stretches s,
         LATERAL generate_series(date_trunc('hour', begun),
                                 ended - interval '1 microsecond', interval '1 hour') AS hour
    WHERE ended > begun
)
SELECT p.pool, hour,
       sum(launches)::double precision AS launches,
       sum(cpu * share)::double precision AS cpu_cores,
       sum(memory * share)::double precision AS memory_bytes,
       sum(storage * share)::double precision AS storage_bytes,
       sum(network * share)::double precision AS network_bytes_per_s
FROM pieces p JOIN pool_closed_through c USING (pool)
WHERE hour + interval '1 hour' <= c.closed_through
GROUP BY 1, 2;

CREATE OR REPLACE VIEW demand_actuals AS
SELECT pool, 'INSTANCES' AS resource, 3600 AS step_s, hour AS "time", launches AS actual
FROM demand_per_hour
UNION ALL SELECT pool, 'CPU', 3600, hour, cpu_cores FROM demand_per_hour
UNION ALL SELECT pool, 'MEMORY', 3600, hour, memory_bytes FROM demand_per_hour
UNION ALL SELECT pool, 'STORAGE', 3600, hour, storage_bytes FROM demand_per_hour
UNION ALL SELECT pool, 'NETWORK', 3600, hour, network_bytes_per_s FROM demand_per_hour
UNION ALL
SELECT pool, 'INSTANCES', 60, minute, sum(launches)::double precision
FROM observed_minutes GROUP BY 1, 4;

-- A forecast's steps as rows: one for each step and level.
CREATE OR REPLACE VIEW forecast_quantiles AS
SELECT f.forecast_id, f.pool, f.resource, f.horizon, f.made_at, f.step_s, f.model,
       to_timestamp((step ->> 'time')::bigint / 1000.0) AT TIME ZONE 'UTC' AS "time",
       number AS step, level::double precision AS level,
       (step -> 'quantiles' ->> (place - 1)::integer)::double precision AS quantile
FROM forecasts f,
     LATERAL jsonb_array_elements(f.steps) WITH ORDINALITY AS s(step, number),
     LATERAL jsonb_array_elements_text(f.levels) WITH ORDINALITY AS l(level, place);

-- Of a perfect forecaster `share_below` equals `level`. Only steps that are over are counted; a
-- minute that nobody told of had no launch. Minutes are compared for launches alone.
CREATE OR REPLACE VIEW calibration_by_horizon AS
SELECT q.pool, q.resource, q.horizon, q.level,
       count(*) AS steps,
       avg((actual <= q.quantile)::integer)::double precision AS share_below,
       avg(greatest(q.level * (actual - q.quantile), (q.level - 1) * (actual - q.quantile)))
         AS pinball_loss,
       avg(q.quantile) AS mean_quantile, avg(actual) AS mean_actual
FROM (
    SELECT f.*, CASE WHEN f.resource = 'INSTANCES' THEN coalesce(a.actual, 0)
                     ELSE a.actual END AS actual
    FROM forecast_quantiles f
    JOIN pool_closed_through c
      ON c.pool = f.pool AND f."time" + f.step_s * interval '1 second' <= c.closed_through
    LEFT JOIN demand_actuals a
      ON a.pool = f.pool AND a.resource = f.resource AND a.step_s = f.step_s
     AND a."time" = f."time"
) AS q
WHERE actual IS NOT NULL
GROUP BY 1, 2, 3, 4;

-- 4. What went wrong? The newest word on each incident.
CREATE OR REPLACE VIEW incidents AS
SELECT DISTINCT ON (incident_id) incident_id, subject, kind, severity, started_at, ended_at,
       ended_at - started_at AS lasted, observed, expected_low, expected_high, p_value, evidence
FROM alerts ORDER BY incident_id, ended_at DESC NULLS LAST,
     array_position(ARRAY['CRITICAL', 'WARNING', 'INFO'], severity);
