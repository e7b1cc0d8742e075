-- +goose Up
-- What v_sla_attainment computes from every verdict ever told, computed anew every few minutes: never incremented, so it heals by itself.
CREATE TABLE IF NOT EXISTS r_sla_attainment
(
    rule LowCardinality(String) COMMENT 'The rule',
    day Date COMMENT 'Day of the promise, UTC',
    obligations UInt64 COMMENT 'Obligations judged',
    in_time UInt64 COMMENT 'Kept in time',
    late UInt64 COMMENT 'Kept, too late',
    breached UInt64 COMMENT 'Not kept until as_of',
    undetermined UInt64 COMMENT 'Not judged: a source is not heard',
    imprecise UInt64 COMMENT 'Of those in time, what the stamps are too coarse to tell',
    as_of DateTime64(6, 'UTC') COMMENT 'When the computation began, by the clock of the server; the same in every row'
)
ENGINE = MergeTree
ORDER BY (rule, day)
COMMENT 'v_sla_attainment as it stood at as_of; replaced as a whole by r_sla_attainment_refresh. Public view: v_sla_attainment_asof.';

CREATE MATERIALIZED VIEW IF NOT EXISTS r_sla_attainment_refresh REFRESH AFTER 5 MINUTE TO r_sla_attainment AS
SELECT rule, day, obligations, in_time, late, breached, undetermined, imprecise, now64(6, 'UTC') AS as_of
FROM v_sla_attainment
SETTINGS max_threads = 2, max_bytes_before_external_group_by = 1073741824
COMMENT 'Computes r_sla_attainment anew five minutes after it last did.';

CREATE VIEW IF NOT EXISTS v_sla_attainment_asof
(
    `rule` LowCardinality(String) COMMENT 'The rule',
    `day` Date COMMENT 'Day of the promise, UTC',
    `obligations` UInt64 COMMENT 'Obligations judged: the sum of the next four',
    `in_time` UInt64 COMMENT 'Kept in time; what the stamps are too coarse to tell counts as kept',
    `late` UInt64 COMMENT 'Kept, too late',
    `breached` UInt64 COMMENT 'Not kept until as_of',
    `undetermined` UInt64 COMMENT 'Not judged: a source is not heard',
    `imprecise` UInt64 COMMENT 'Of those in time, what the stamps are too coarse to tell',
    `share` Nullable(Float64) COMMENT 'in_time / (in_time + late + breached), from 0 to 1; NULL if none of these',
    `as_of` DateTime64(6, 'UTC') COMMENT 'When the computation began, by the clock of the server'
) AS
SELECT rule, day, obligations, in_time, late, breached, undetermined, imprecise,
       if(in_time + late + breached = 0, NULL, in_time / (in_time + late + breached)) AS share, as_of
FROM r_sla_attainment
COMMENT 'v_sla_attainment as it stood at as_of, at most a few minutes ago: for histories of tens of millions of events.';

-- +goose Down
DROP VIEW v_sla_attainment_asof;
DROP VIEW r_sla_attainment_refresh;
DROP TABLE r_sla_attainment;
