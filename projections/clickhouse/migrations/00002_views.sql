-- +goose Up
CREATE VIEW IF NOT EXISTS v_exceptions AS
SELECT id AS exception_id, name, rule, severity, subject_kind, subject, order_key, hop, owner, open, since, deadline, opened_at,
       resolved_at, cause, announced, historic, basis, at_risk_minor, at_risk_currency, acknowledged_by, assignee, partition
FROM exceptions
ORDER BY seq DESC
LIMIT 1 BY partition, id
COMMENT 'Every exception as it stands now.';

CREATE VIEW IF NOT EXISTS v_open_exceptions AS
SELECT exception_id, name, rule, severity, subject, order_key, hop, owner, since, opened_at, basis, at_risk_minor, at_risk_currency,
       acknowledged_by, assignee
FROM v_exceptions
WHERE open
COMMENT 'The open exceptions.';

CREATE VIEW IF NOT EXISTS v_orders AS
SELECT order_key, origin, created_at, updated_at, events, open_exceptions, shelved, `cells.source` AS cell_source,
       `cells.axis` AS cell_axis, `cells.state` AS cell_state, `cells.since` AS cell_since, `sums.source` AS sum_source,
       `sums.kind` AS sum_kind, `sums.minor` AS sum_minor, `sums.currency` AS sum_currency
FROM orders
ORDER BY seq DESC
LIMIT 1 BY partition, order_key
COMMENT 'Every order as it stands now.';

CREATE VIEW IF NOT EXISTS v_order_history AS
SELECT order_key, seq, recorded_at, entry, source, feed, kind, native_kind, `claims.axis` AS axes, `claims.native` AS words,
       `claims.state` AS states, occurred_at, received_at, rule, verdict_from, verdict, basis, because, exception, text
FROM events FINAL
WHERE order_key = {order:String}
ORDER BY seq
COMMENT 'One order''s history: SELECT * FROM v_order_history(order = ''shop~1001'').';

CREATE VIEW IF NOT EXISTS v_verdicts AS
SELECT order_key, rule, step, episode, anchor, deadline, verdict_from, verdict, basis, because, evaluated_at, recorded_at
FROM events FINAL
WHERE entry IN ('verdict', 'revised')
COMMENT 'Every verdict and revision told.';

CREATE VIEW IF NOT EXISTS v_time_to_sync AS
SELECT order_key, from_source, to_source, from_at, to_at, dateDiff('millisecond', from_at, to_at) / 1000 AS seconds
FROM
(
    SELECT order_key, source AS from_source, min(occurred_at) AS from_at
    FROM events FINAL
    WHERE entry = 'event' AND has(`claims.axis`, 'order') AND source = splitByChar('~', order_key)[1]
    GROUP BY order_key, source
) AS a
INNER JOIN
(
    SELECT order_key, source AS to_source, min(occurred_at) AS to_at
    FROM events FINAL
    WHERE entry = 'event' AND source != splitByChar('~', order_key)[1]
    GROUP BY order_key, source
) AS b USING (order_key)
COMMENT 'How long each order took from its origin to every other source, by the sources'' own stamps.';

CREATE VIEW IF NOT EXISTS v_drift_daily AS
SELECT toDate(opened_at) AS day, rule, name, hop, count() AS exceptions, countIf(open) AS still_open,
       avgIf(dateDiff('second', opened_at, resolved_at), NOT open) AS seconds_to_heal, sum(at_risk_minor) AS at_risk_minor, at_risk_currency
FROM v_exceptions
WHERE subject_kind = 'order'
GROUP BY day, rule, name, hop, at_risk_currency
COMMENT 'Drift per rule and day.';

CREATE VIEW IF NOT EXISTS v_quarantine AS
SELECT id, source, feed, reason, detail, order_key, axis, native, received_at, recorded_at, partition, log_offset
FROM quarantine FINAL
COMMENT 'What was set aside.';

CREATE VIEW IF NOT EXISTS v_audit AS
SELECT table, partition, rows, distinct_rows, first_seq, last_seq, rows = distinct_rows AND first_seq = 1 AND last_seq = distinct_rows AS dense, hash
FROM
(
    SELECT 'events' AS table, partition, count() AS rows, uniqExact(seq) AS distinct_rows, min(seq) AS first_seq, max(seq) AS last_seq, groupBitXor(row_hash) AS hash FROM events GROUP BY partition
    UNION ALL
    SELECT 'exceptions', partition, count(), uniqExact(seq), min(seq), max(seq), groupBitXor(row_hash) FROM exceptions GROUP BY partition
    UNION ALL
    SELECT 'orders', partition, count(), uniqExact(seq), min(seq), max(seq), groupBitXor(row_hash) FROM orders GROUP BY partition
    UNION ALL
    SELECT 'quarantine', partition, count(), uniqExact(seq), min(seq), max(seq), groupBitXor(row_hash) FROM quarantine GROUP BY partition
)
COMMENT 'Proof of density: every row of every partition is there once. dense must be 1 everywhere.';

-- +goose Down
DROP VIEW v_audit;
DROP VIEW v_quarantine;
DROP VIEW v_drift_daily;
DROP VIEW v_time_to_sync;
DROP VIEW v_verdicts;
DROP VIEW v_order_history;
DROP VIEW v_orders;
DROP VIEW v_open_exceptions;
DROP VIEW v_exceptions;
