-- +goose Up
-- Columns are only ever added to a view.
CREATE OR REPLACE VIEW v_exceptions AS
SELECT id AS exception_id, name, rule, severity, subject_kind, subject, order_key, hop, owner, open, since, deadline, opened_at,
       resolved_at, cause, announced, historic, basis, at_risk_minor, at_risk_currency, acknowledged_by, assignee, partition, episode, step
FROM exceptions
ORDER BY seq DESC
LIMIT 1 BY partition, id
COMMENT 'Every exception as it stands now.';

CREATE OR REPLACE VIEW v_verdicts AS
SELECT order_key, rule, step, episode, anchor, deadline, verdict_from, verdict, basis, because, evaluated_at, recorded_at, waiting_for, partition, seq
FROM events FINAL
WHERE entry IN ('verdict', 'revised')
COMMENT 'Every verdict and revision told.';

CREATE VIEW IF NOT EXISTS v_exception_changes
(
    `partition` UInt32 COMMENT 'Partition of the log',
    `seq` UInt64 COMMENT 'Row number in the partition; orders the changes',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'When the record that caused the change was appended',
    `change` LowCardinality(String) COMMENT 'exception-opened, exception-stepped, exception-reopened, exception-resolved, snooze-ended, or action',
    `exception_id` String COMMENT 'Identity of the exception',
    `name` LowCardinality(String) COMMENT 'Exception type after the change',
    `rule` LowCardinality(String) COMMENT 'Rule that raised it',
    `severity` LowCardinality(String) COMMENT 'Severity after the change',
    `subject_kind` LowCardinality(String) COMMENT 'order, feed, alias or word',
    `subject` String COMMENT 'What it is about, canonically',
    `order_key` String COMMENT 'The order, if the subject is one',
    `hop` LowCardinality(String) COMMENT 'Hop at which it went wrong',
    `owner` LowCardinality(String) COMMENT 'Whose job it is',
    `episode` UInt32 COMMENT 'Openings of this id, from 1',
    `open` Bool COMMENT 'Whether it was open after the change',
    `opened_at` DateTime64(6, 'UTC') COMMENT 'Clock when it first opened',
    `resolved_at` DateTime64(6, 'UTC') COMMENT 'Clock when it resolved; 1970 while open',
    `cause` LowCardinality(String) COMMENT 'Why it resolved',
    `historic` Bool COMMENT 'Whether it lies before live_from or the rule',
    `acknowledged_by` String COMMENT 'Operator who has acknowledged it',
    `assignee` String COMMENT 'Operator it is assigned to'
) AS
SELECT partition, seq, recorded_at, change, id AS exception_id, name, rule, severity, subject_kind, subject, order_key, hop, owner, episode, open,
       opened_at, resolved_at, cause, historic, acknowledged_by, assignee
FROM exceptions FINAL
COMMENT 'Every change of every exception: opened, stepped up, acknowledged, resolved, reopened.';

CREATE VIEW IF NOT EXISTS v_documents
(
    `order_key` String COMMENT 'The order: source~native id',
    `source` LowCardinality(String) COMMENT 'Source instance that reported it',
    `system` LowCardinality(String) COMMENT 'Catalog entry of the source',
    `feed` LowCardinality(String) COMMENT 'Feed it came by',
    `kind` LowCardinality(String) COMMENT 'Kind of document',
    `native_kind` LowCardinality(String) COMMENT 'The source''s own name for the kind',
    `object_type` LowCardinality(String) COMMENT 'Type of the object it is about',
    `object_id` String COMMENT 'Native id of that object',
    `outcome` LowCardinality(String) COMMENT 'What became of it: applied, duplicate, shelved, conflict',
    `event_id` String COMMENT 'Identity of the document state, hex',
    `occurred_at` DateTime64(6, 'UTC') COMMENT 'Newest stamp among its claims; 1970 if none',
    `received_at` DateTime64(6, 'UTC') COMMENT 'When our edge received it',
    `recorded_at` DateTime64(6, 'UTC') COMMENT 'When it was appended',
    `axes` Array(LowCardinality(String)) COMMENT 'Axis of each claim',
    `words` Array(String) COMMENT 'Native word of each claim',
    `states` Array(LowCardinality(String)) COMMENT 'Canonical state the matrix gave it then',
    `delivery_topic` LowCardinality(String) COMMENT 'Webhook topic as delivered; not signed',
    `trace_id` String COMMENT 'Trace of the request that brought it',
    `partition` UInt32 COMMENT 'Partition of the log',
    `log_offset` Int64 COMMENT 'Offset of its record'
) AS
SELECT order_key, source, system, feed, kind, native_kind, object_type, object_id, outcome, event_id, occurred_at, received_at, recorded_at,
       `claims.axis` AS axes, `claims.native` AS words, `claims.state` AS states, delivery_topic, trace_id, partition, log_offset
FROM events FINAL
WHERE entry = 'event'
COMMENT 'Every document that a source reported, without its body.';

-- One row per day on which exceptions first opened: what opened then is what healed since, was closed otherwise, or is open now.
CREATE VIEW IF NOT EXISTS v_failure_map
(
    `day` Date COMMENT 'Day on which the exceptions first opened, UTC',
    `hop` LowCardinality(String) COMMENT 'Hop at which it went wrong; empty for what has none',
    `rule` LowCardinality(String) COMMENT 'Rule that raised them',
    `name` LowCardinality(String) COMMENT 'Exception type as it stands now',
    `owner` LowCardinality(String) COMMENT 'Whose job it is',
    `historic` Bool COMMENT 'Whether they lie before live_from or the rule',
    `at_risk_currency` LowCardinality(String) COMMENT 'ISO 4217 currency of the money; empty if none',
    `opened` UInt64 COMMENT 'Exceptions first opened on the day',
    `healed` UInt64 COMMENT 'Of these, closed because the state healed',
    `closed` UInt64 COMMENT 'Of these, closed by a person, a policy, a merge or split, or a clock that was put back',
    `open_now` UInt64 COMMENT 'Of these, open now',
    `reopened` UInt64 COMMENT 'Of these, opened more than once',
    `at_risk_minor` Int64 COMMENT 'Money at risk of all of them, in minor units',
    `at_risk_open_minor` Int64 COMMENT 'Money at risk of those open now, in minor units',
    `median_seconds` Nullable(Float64) COMMENT 'Median time from opening to healing; NULL if none healed'
) AS
SELECT toDate(opened_at) AS day, hop, rule, name, owner, historic, at_risk_currency,
       count() AS opened,
       countIf(NOT open AND cause NOT IN ('operator', 'policy', 'clock-reset', 'regrouped')) AS healed,
       countIf(NOT open AND cause IN ('operator', 'policy', 'clock-reset', 'regrouped')) AS closed,
       countIf(open) AS open_now,
       countIf(episode > 1) AS reopened,
       sum(at_risk_minor) AS at_risk_minor,
       sumIf(v_exceptions.at_risk_minor, open) AS at_risk_open_minor,
       if(healed = 0, NULL, quantileExactIf(0.5)(dateDiff('millisecond', opened_at, resolved_at) / 1000, NOT open AND cause NOT IN ('operator', 'policy', 'clock-reset', 'regrouped'))) AS median_seconds
FROM v_exceptions
GROUP BY day, hop, rule, name, owner, historic, at_risk_currency
COMMENT 'Failure map: per hop, rule and day what opened, healed and is open, the money at risk, and how long it took.';

-- An obligation is one episode of a rule on one order; its promise is that of the rule's first step. What became of it is the last verdict told.
CREATE VIEW IF NOT EXISTS v_sla_attainment
(
    `rule` LowCardinality(String) COMMENT 'The rule',
    `day` Date COMMENT 'Day of the promise, UTC',
    `obligations` UInt64 COMMENT 'Obligations judged: the sum of the next four',
    `in_time` UInt64 COMMENT 'Kept in time; what the stamps are too coarse to tell counts as kept',
    `late` UInt64 COMMENT 'Kept, too late',
    `breached` UInt64 COMMENT 'Not kept until now',
    `undetermined` UInt64 COMMENT 'Not judged: a source is not heard',
    `imprecise` UInt64 COMMENT 'Of those in time, what the stamps are too coarse to tell',
    `share` Nullable(Float64) COMMENT 'in_time / (in_time + late + breached), from 0 to 1; NULL if none of these'
) AS
SELECT rule, toDate(due) AS day, count() AS obligations,
       countIf(verdict IN ('MET', 'MET_IMPRECISE')) AS in_time,
       countIf(verdict = 'MET_LATE') AS late,
       countIf(verdict = 'BREACHED') AS breached,
       countIf(verdict = 'UNDETERMINED') AS undetermined,
       countIf(verdict = 'MET_IMPRECISE') AS imprecise,
       if(in_time + late + breached = 0, NULL, in_time / (in_time + late + breached)) AS share
FROM
(
    SELECT partition, order_key, rule, episode, max(deadline) AS due, argMax(v_verdicts.verdict, seq) AS verdict
    FROM v_verdicts
    WHERE step = 0
    GROUP BY partition, order_key, rule, episode
)
WHERE verdict IN ('MET', 'MET_IMPRECISE', 'MET_LATE', 'BREACHED', 'UNDETERMINED')
GROUP BY rule, day
COMMENT 'SLA attainment: per rule and day of the promise, obligations in time, late, breached and undetermined. What lapsed or was retracted does not count.';

ALTER TABLE v_exceptions COMMENT COLUMN exception_id 'Identity of the exception';
ALTER TABLE v_exceptions COMMENT COLUMN name 'Exception type, such as CheckoutDisconnect';
ALTER TABLE v_exceptions COMMENT COLUMN rule 'Rule that raised it';
ALTER TABLE v_exceptions COMMENT COLUMN severity 'info, warning or critical';
ALTER TABLE v_exceptions COMMENT COLUMN subject_kind 'order, feed, alias or word';
ALTER TABLE v_exceptions COMMENT COLUMN subject 'What it is about, canonically';
ALTER TABLE v_exceptions COMMENT COLUMN order_key 'The order, if the subject is one';
ALTER TABLE v_exceptions COMMENT COLUMN hop 'Hop at which it went wrong';
ALTER TABLE v_exceptions COMMENT COLUMN owner 'Whose job it is';
ALTER TABLE v_exceptions COMMENT COLUMN open 'Whether it is open';
ALTER TABLE v_exceptions COMMENT COLUMN since 'Latest instant at which the state began';
ALTER TABLE v_exceptions COMMENT COLUMN deadline 'The promise that was broken; 1970 if none';
ALTER TABLE v_exceptions COMMENT COLUMN opened_at 'Clock when it first opened';
ALTER TABLE v_exceptions COMMENT COLUMN resolved_at 'Clock when it resolved; 1970 while open';
ALTER TABLE v_exceptions COMMENT COLUMN cause 'Why it resolved';
ALTER TABLE v_exceptions COMMENT COLUMN announced 'Whether it was announced';
ALTER TABLE v_exceptions COMMENT COLUMN historic 'Whether it lies before live_from or the rule';
ALTER TABLE v_exceptions COMMENT COLUMN basis 'proven, assumed or incomplete';
ALTER TABLE v_exceptions COMMENT COLUMN at_risk_minor 'Money at risk in minor units';
ALTER TABLE v_exceptions COMMENT COLUMN at_risk_currency 'ISO 4217 currency of it; empty if none';
ALTER TABLE v_exceptions COMMENT COLUMN acknowledged_by 'Operator who acknowledged it';
ALTER TABLE v_exceptions COMMENT COLUMN assignee 'Operator it is assigned to';
ALTER TABLE v_exceptions COMMENT COLUMN partition 'Partition of the log';
ALTER TABLE v_exceptions COMMENT COLUMN episode 'Openings of this id, from 1';
ALTER TABLE v_exceptions COMMENT COLUMN step 'Step of the rule that it stands at, from 0';
ALTER TABLE v_orders COMMENT COLUMN order_key 'The order: source~native id';
ALTER TABLE v_orders COMMENT COLUMN origin 'Source whose id the key is';
ALTER TABLE v_orders COMMENT COLUMN created_at 'Beginning of the origin''s order; 1970 if unheard';
ALTER TABLE v_orders COMMENT COLUMN updated_at 'Where the newest step of its history stands';
ALTER TABLE v_orders COMMENT COLUMN events 'Documents held';
ALTER TABLE v_orders COMMENT COLUMN open_exceptions 'Open exceptions';
ALTER TABLE v_orders COMMENT COLUMN shelved 'Documents with an unmapped word';
ALTER TABLE v_orders COMMENT COLUMN cell_source 'Source of each cell';
ALTER TABLE v_orders COMMENT COLUMN cell_axis 'Axis of each cell';
ALTER TABLE v_orders COMMENT COLUMN cell_state 'Canonical state of each cell';
ALTER TABLE v_orders COMMENT COLUMN cell_since 'Latest instant at which that state began';
ALTER TABLE v_orders COMMENT COLUMN sum_source 'Source of each sum';
ALTER TABLE v_orders COMMENT COLUMN sum_kind 'Kind of each sum';
ALTER TABLE v_orders COMMENT COLUMN sum_minor 'Integer minor units of each sum';
ALTER TABLE v_orders COMMENT COLUMN sum_currency 'Currency of each sum; empty where several are mixed';
ALTER TABLE v_verdicts COMMENT COLUMN order_key 'The order';
ALTER TABLE v_verdicts COMMENT COLUMN rule 'Rule that judged';
ALTER TABLE v_verdicts COMMENT COLUMN step 'Step of the rule, from 0';
ALTER TABLE v_verdicts COMMENT COLUMN episode 'Episode of the rule, from 0';
ALTER TABLE v_verdicts COMMENT COLUMN anchor 'Latest instant at which the obligation began';
ALTER TABLE v_verdicts COMMENT COLUMN deadline 'The promise';
ALTER TABLE v_verdicts COMMENT COLUMN verdict_from 'Verdict before a revision';
ALTER TABLE v_verdicts COMMENT COLUMN verdict 'Verdict told';
ALTER TABLE v_verdicts COMMENT COLUMN basis 'proven, assumed or incomplete';
ALTER TABLE v_verdicts COMMENT COLUMN because 'Why the verdict stands';
ALTER TABLE v_verdicts COMMENT COLUMN evaluated_at 'Clock of the partition when it was told';
ALTER TABLE v_verdicts COMMENT COLUMN recorded_at 'When the record that caused it was appended';
ALTER TABLE v_verdicts COMMENT COLUMN waiting_for 'Feed that an UNDETERMINED verdict waits for';
ALTER TABLE v_verdicts COMMENT COLUMN partition 'Partition of the log';
ALTER TABLE v_verdicts COMMENT COLUMN seq 'Row number in the partition; orders the verdicts of an obligation';
ALTER TABLE v_time_to_sync COMMENT COLUMN order_key 'The order';
ALTER TABLE v_time_to_sync COMMENT COLUMN from_source 'Source the order began at';
ALTER TABLE v_time_to_sync COMMENT COLUMN to_source 'Source that heard of it';
ALTER TABLE v_time_to_sync COMMENT COLUMN from_at 'First stamp at the origin';
ALTER TABLE v_time_to_sync COMMENT COLUMN to_at 'First stamp at the other source';
ALTER TABLE v_time_to_sync COMMENT COLUMN seconds 'Time between the two stamps';
ALTER TABLE v_drift_daily COMMENT COLUMN day 'Day on which the exceptions first opened';
ALTER TABLE v_drift_daily COMMENT COLUMN rule 'Rule that raised them';
ALTER TABLE v_drift_daily COMMENT COLUMN name 'Exception type';
ALTER TABLE v_drift_daily COMMENT COLUMN hop 'Hop at which it went wrong';
ALTER TABLE v_drift_daily COMMENT COLUMN exceptions 'Exceptions first opened';
ALTER TABLE v_drift_daily COMMENT COLUMN still_open 'Of these, open now';
ALTER TABLE v_drift_daily COMMENT COLUMN seconds_to_heal 'Mean time from opening to resolving';
ALTER TABLE v_drift_daily COMMENT COLUMN at_risk_minor 'Money at risk in minor units, open or not';
ALTER TABLE v_drift_daily COMMENT COLUMN at_risk_currency 'ISO 4217 currency of it';
ALTER TABLE v_quarantine COMMENT COLUMN id 'Identity of the entry';
ALTER TABLE v_quarantine COMMENT COLUMN source 'Source it came from; empty if unknown';
ALTER TABLE v_quarantine COMMENT COLUMN feed 'Feed it came from';
ALTER TABLE v_quarantine COMMENT COLUMN reason 'Machine-readable reason';
ALTER TABLE v_quarantine COMMENT COLUMN detail 'What exactly was wrong';
ALTER TABLE v_quarantine COMMENT COLUMN order_key 'The order, if known';
ALTER TABLE v_quarantine COMMENT COLUMN axis 'Axis of a shelved word';
ALTER TABLE v_quarantine COMMENT COLUMN native 'Shelved native word';
ALTER TABLE v_quarantine COMMENT COLUMN received_at 'When our edge received it';
ALTER TABLE v_quarantine COMMENT COLUMN recorded_at 'When the record was appended';
ALTER TABLE v_quarantine COMMENT COLUMN partition 'Partition of the log';
ALTER TABLE v_quarantine COMMENT COLUMN log_offset 'Offset of the record set aside';
ALTER TABLE v_audit COMMENT COLUMN table 'Table that is audited';
ALTER TABLE v_audit COMMENT COLUMN partition 'Partition of the log';
ALTER TABLE v_audit COMMENT COLUMN rows 'Rows held';
ALTER TABLE v_audit COMMENT COLUMN distinct_rows 'Distinct row numbers';
ALTER TABLE v_audit COMMENT COLUMN first_seq 'Smallest row number';
ALTER TABLE v_audit COMMENT COLUMN last_seq 'Greatest row number';
ALTER TABLE v_audit COMMENT COLUMN dense 'Whether every row is there once';
ALTER TABLE v_audit COMMENT COLUMN hash 'Hash over all rows, independent of their order';
ALTER TABLE v_open_exceptions COMMENT COLUMN exception_id 'Identity of the exception';
ALTER TABLE v_open_exceptions COMMENT COLUMN name 'Exception type, such as CheckoutDisconnect';
ALTER TABLE v_open_exceptions COMMENT COLUMN rule 'Rule that raised it';
ALTER TABLE v_open_exceptions COMMENT COLUMN severity 'info, warning or critical';
ALTER TABLE v_open_exceptions COMMENT COLUMN subject 'What it is about, canonically';
ALTER TABLE v_open_exceptions COMMENT COLUMN order_key 'The order, if the subject is one';
ALTER TABLE v_open_exceptions COMMENT COLUMN hop 'Hop at which it went wrong';
ALTER TABLE v_open_exceptions COMMENT COLUMN owner 'Whose job it is';
ALTER TABLE v_open_exceptions COMMENT COLUMN since 'Latest instant at which the state began';
ALTER TABLE v_open_exceptions COMMENT COLUMN opened_at 'Clock when it first opened';
ALTER TABLE v_open_exceptions COMMENT COLUMN basis 'proven, assumed or incomplete';
ALTER TABLE v_open_exceptions COMMENT COLUMN at_risk_minor 'Money at risk in minor units';
ALTER TABLE v_open_exceptions COMMENT COLUMN at_risk_currency 'ISO 4217 currency of it; empty if none';
ALTER TABLE v_open_exceptions COMMENT COLUMN acknowledged_by 'Operator who acknowledged it';
ALTER TABLE v_open_exceptions COMMENT COLUMN assignee 'Operator it is assigned to';

-- +goose Down
DROP VIEW v_sla_attainment;
DROP VIEW v_failure_map;
DROP VIEW v_documents;
DROP VIEW v_exception_changes;
CREATE OR REPLACE VIEW v_verdicts AS
SELECT order_key, rule, step, episode, anchor, deadline, verdict_from, verdict, basis, because, evaluated_at, recorded_at
FROM events FINAL
WHERE entry IN ('verdict', 'revised')
COMMENT 'Every verdict and revision told.';
CREATE OR REPLACE VIEW v_exceptions AS
SELECT id AS exception_id, name, rule, severity, subject_kind, subject, order_key, hop, owner, open, since, deadline, opened_at,
       resolved_at, cause, announced, historic, basis, at_risk_minor, at_risk_currency, acknowledged_by, assignee, partition
FROM exceptions
ORDER BY seq DESC
LIMIT 1 BY partition, id
COMMENT 'Every exception as it stands now.';
