-- +goose Up
CREATE TABLE IF NOT EXISTS events
(
    partition UInt32 COMMENT 'Partition of the log' CODEC(T64, ZSTD(1)),
    seq UInt64 COMMENT 'Row number in the partition, dense from 1' CODEC(Delta, ZSTD(1)),
    fold_version UInt32 COMMENT 'Version of the fold that told the row' CODEC(T64, ZSTD(1)),
    log_offset Int64 COMMENT 'Offset of the record that caused the row' CODEC(Delta, ZSTD(1)),
    recorded_at DateTime64(6, 'UTC') COMMENT 'When that record was appended' CODEC(DoubleDelta, ZSTD(1)),
    order_key String COMMENT 'The order: source~native id' CODEC(ZSTD(1)),
    entry LowCardinality(String) COMMENT 'event: a document a source reported; else the kind of fact the ledger told',
    outcome LowCardinality(String) COMMENT 'What became of the event: applied, duplicate, shelved, conflict',
    event_id String COMMENT 'Identity of the document state, hex; empty for facts' CODEC(ZSTD(1)),
    source LowCardinality(String) COMMENT 'Source instance whose words these are',
    system LowCardinality(String) COMMENT 'Catalog entry of the source',
    feed LowCardinality(String) COMMENT 'Feed of the source',
    kind LowCardinality(String) COMMENT 'Kind of document',
    native_kind LowCardinality(String) COMMENT 'The source''s own name for the kind, such as a webhook topic',
    direction LowCardinality(String) COMMENT 'outgoing, incoming or unknown, as the source saw it',
    object_type LowCardinality(String) COMMENT 'Type of the object the document is about',
    object_id String COMMENT 'Native id of that object' CODEC(ZSTD(1)),
    received_at DateTime64(6, 'UTC') COMMENT 'When our edge received it; 1970 for facts' CODEC(DoubleDelta, ZSTD(1)),
    asked_at DateTime64(6, 'UTC') COMMENT 'When the read was asked; 1970 for deliveries and facts' CODEC(DoubleDelta, ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') COMMENT 'Newest stamp among the claims; for facts the anchor; 1970 if none' CODEC(DoubleDelta, ZSTD(1)),
    `claims.axis` Array(LowCardinality(String)) COMMENT 'Axis of each claim',
    `claims.mode` Array(LowCardinality(String)) COMMENT 'dated, current or created',
    `claims.object` Array(String) COMMENT 'type/id of the object of each claim',
    `claims.native` Array(String) COMMENT 'Native word of each claim',
    `claims.state` Array(LowCardinality(String)) COMMENT 'Canonical state the matrix gave it then',
    `claims.earliest` Array(DateTime64(6, 'UTC')) COMMENT 'Stamp of each claim',
    `claims.latest` Array(DateTime64(6, 'UTC')) COMMENT 'Stamp plus the declared precision',
    `amounts.kind` Array(LowCardinality(String)) COMMENT 'ordered, authorised, captured, invoiced, refunded, credited',
    `amounts.minor` Array(Int64) COMMENT 'Integer minor units',
    `amounts.currency` Array(LowCardinality(String)) COMMENT 'ISO 4217 currency',
    delivery_topic LowCardinality(String) COMMENT 'Webhook topic as delivered; not signed',
    delivery_id String COMMENT 'Delivery id as delivered; not signed' CODEC(ZSTD(1)),
    trace_id String COMMENT 'Trace of the request that brought it' CODEC(ZSTD(1)),
    body_codec LowCardinality(String) COMMENT 'Codec of body',
    body String COMMENT 'The document without its personal fields' CODEC(ZSTD(1)),
    rule LowCardinality(String) COMMENT 'Rule of a fact',
    step UInt8 COMMENT 'Step of the rule, from 0',
    episode UInt32 COMMENT 'Episode of the rule, from 0',
    verdict_from LowCardinality(String) COMMENT 'Verdict before a revision',
    verdict LowCardinality(String) COMMENT 'Verdict told',
    basis LowCardinality(String) COMMENT 'proven, assumed or incomplete',
    because LowCardinality(String) COMMENT 'Why the verdict or exception stands',
    anchor DateTime64(6, 'UTC') COMMENT 'Latest instant at which the obligation began' CODEC(DoubleDelta, ZSTD(1)),
    deadline DateTime64(6, 'UTC') COMMENT 'The promise' CODEC(DoubleDelta, ZSTD(1)),
    evaluated_at DateTime64(6, 'UTC') COMMENT 'Clock of the partition when the fact was told' CODEC(DoubleDelta, ZSTD(1)),
    waiting_for LowCardinality(String) COMMENT 'Feed that an UNDETERMINED verdict waits for',
    exception_id String COMMENT 'Exception of the fact, hex' CODEC(ZSTD(1)),
    exception LowCardinality(String) COMMENT 'Exception type of the fact',
    actor String COMMENT 'Operator of an action' CODEC(ZSTD(1)),
    text String COMMENT 'Remark' CODEC(ZSTD(1)),
    announced Bool COMMENT 'Whether the exception was announced',
    row_hash UInt64 COMMENT 'Hash of the row as the ledger told it',
    INDEX ix_order order_key TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX ix_event event_id TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
ORDER BY (partition, seq)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every document a source reported and every fact the ledger told, in the order of each partition. Public views: v_order_history, v_time_to_sync, v_verdicts.';

CREATE TABLE IF NOT EXISTS exceptions
(
    partition UInt32 COMMENT 'Partition of the log',
    seq UInt64 COMMENT 'Row number in the partition, dense from 1' CODEC(Delta, ZSTD(1)),
    fold_version UInt32 COMMENT 'Version of the fold that told the row',
    log_offset Int64 COMMENT 'Offset of the record that caused the change',
    recorded_at DateTime64(6, 'UTC') COMMENT 'When that record was appended',
    change LowCardinality(String) COMMENT 'What happened to the exception',
    id String COMMENT 'Identity: hash of subject, rule and count' CODEC(ZSTD(1)),
    name LowCardinality(String) COMMENT 'Exception type, such as CheckoutDisconnect',
    rule LowCardinality(String) COMMENT 'Rule that raised it',
    step UInt8 COMMENT 'Step of the rule, from 0',
    severity LowCardinality(String) COMMENT 'info, warning or critical',
    subject_kind LowCardinality(String) COMMENT 'order, feed, alias or word',
    subject String COMMENT 'Canonical subject' CODEC(ZSTD(1)),
    order_key String COMMENT 'The order, if the subject is one' CODEC(ZSTD(1)),
    hop LowCardinality(String) COMMENT 'Hop at which it went wrong',
    owner LowCardinality(String) COMMENT 'Whose job it is',
    open Bool COMMENT 'Whether it was open after the change',
    episode UInt32 COMMENT 'Openings of this id, from 1',
    since DateTime64(6, 'UTC') COMMENT 'Latest instant at which the state began',
    deadline DateTime64(6, 'UTC') COMMENT 'The promise that was broken; 1970 if none',
    opened_at DateTime64(6, 'UTC') COMMENT 'Clock when it first opened',
    resolved_at DateTime64(6, 'UTC') COMMENT 'Clock when it resolved; 1970 while open',
    cause LowCardinality(String) COMMENT 'Why it resolved',
    announced Bool COMMENT 'Whether it was announced',
    historic Bool COMMENT 'Whether it lies before live_from or the rule',
    basis LowCardinality(String) COMMENT 'proven, assumed or incomplete',
    at_risk_minor Int64 COMMENT 'Money at risk in minor units',
    at_risk_currency LowCardinality(String) COMMENT 'ISO 4217 currency of it; empty if none',
    acknowledged_by String COMMENT 'Operator who acknowledged it' CODEC(ZSTD(1)),
    assignee String COMMENT 'Operator it is assigned to' CODEC(ZSTD(1)),
    row_hash UInt64 COMMENT 'Hash of the row as the ledger told it'
)
ENGINE = ReplacingMergeTree
ORDER BY (partition, seq)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every change of every exception. Public views: v_exceptions, v_open_exceptions, v_drift_daily.';

CREATE TABLE IF NOT EXISTS orders
(
    partition UInt32 COMMENT 'Partition of the log',
    seq UInt64 COMMENT 'Row number in the partition, dense from 1' CODEC(Delta, ZSTD(1)),
    fold_version UInt32 COMMENT 'Version of the fold that told the row',
    log_offset Int64 COMMENT 'Offset of the record that changed the order',
    recorded_at DateTime64(6, 'UTC') COMMENT 'When that record was appended',
    order_key String COMMENT 'The order: source~native id' CODEC(ZSTD(1)),
    origin LowCardinality(String) COMMENT 'Source whose id the key is',
    created_at DateTime64(6, 'UTC') COMMENT 'Beginning of the origin''s order; 1970 if unheard',
    updated_at DateTime64(6, 'UTC') COMMENT 'Where the newest step of its history stands',
    events UInt64 COMMENT 'Documents held',
    open_exceptions UInt32 COMMENT 'Open exceptions',
    shelved UInt32 COMMENT 'Documents with an unmapped word',
    `cells.source` Array(LowCardinality(String)) COMMENT 'Source of each cell',
    `cells.axis` Array(LowCardinality(String)) COMMENT 'Axis of each cell',
    `cells.state` Array(LowCardinality(String)) COMMENT 'Canonical state of each cell',
    `cells.since` Array(DateTime64(6, 'UTC')) COMMENT 'Latest instant at which that state began',
    `sums.source` Array(LowCardinality(String)) COMMENT 'Source of each sum',
    `sums.kind` Array(LowCardinality(String)) COMMENT 'Kind of each sum',
    `sums.minor` Array(Int64) COMMENT 'Integer minor units',
    `sums.currency` Array(LowCardinality(String)) COMMENT 'Currency; empty where several are mixed',
    row_hash UInt64 COMMENT 'Hash of the row as the ledger told it',
    INDEX ix_order order_key TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (partition, seq)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'The state of an order after every change. Public view: v_orders.';

CREATE TABLE IF NOT EXISTS quarantine
(
    partition UInt32 COMMENT 'Partition of the log',
    seq UInt64 COMMENT 'Row number in the partition, dense from 1',
    fold_version UInt32 COMMENT 'Version of the fold that told the row',
    log_offset Int64 COMMENT 'Offset of the record set aside',
    recorded_at DateTime64(6, 'UTC') COMMENT 'When that record was appended',
    id String COMMENT 'Identity of the entry',
    source LowCardinality(String) COMMENT 'Source it came from; empty if unknown',
    feed LowCardinality(String) COMMENT 'Feed it came from',
    reason LowCardinality(String) COMMENT 'Machine-readable reason',
    detail String COMMENT 'What exactly was wrong',
    order_key String COMMENT 'The order, if known',
    event_id String COMMENT 'Event a shelved word came with, hex',
    axis LowCardinality(String) COMMENT 'Axis of a shelved word',
    native String COMMENT 'Shelved native word',
    received_at DateTime64(6, 'UTC') COMMENT 'When our edge received it',
    body_codec LowCardinality(String) COMMENT 'Codec of body',
    body String COMMENT 'Original bytes' CODEC(ZSTD(1)),
    row_hash UInt64 COMMENT 'Hash of the row as the ledger told it'
)
ENGINE = ReplacingMergeTree
ORDER BY (partition, seq)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What the fold could not take in or understand. Public view: v_quarantine.';

-- +goose Down
DROP TABLE quarantine;
DROP TABLE orders;
DROP TABLE exceptions;
DROP TABLE events;
