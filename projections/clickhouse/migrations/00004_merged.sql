-- +goose Up
ALTER TABLE orders ADD COLUMN IF NOT EXISTS merged_into String COMMENT 'Root of the merged order that speaks for this one; empty if it speaks for itself' CODEC(ZSTD(1));

-- Of orders that are merged, the root alone stands in the view.
CREATE OR REPLACE VIEW v_orders AS
SELECT order_key, origin, created_at, updated_at, events, open_exceptions, shelved, `cells.source` AS cell_source,
       `cells.axis` AS cell_axis, `cells.state` AS cell_state, `cells.since` AS cell_since, `sums.source` AS sum_source,
       `sums.kind` AS sum_kind, `sums.minor` AS sum_minor, `sums.currency` AS sum_currency
FROM (SELECT * FROM orders ORDER BY seq DESC LIMIT 1 BY partition, order_key)
WHERE merged_into = ''
COMMENT 'Every order as it stands now; of merged orders the root.';
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

-- +goose Down
CREATE OR REPLACE VIEW v_orders AS
SELECT order_key, origin, created_at, updated_at, events, open_exceptions, shelved, `cells.source` AS cell_source,
       `cells.axis` AS cell_axis, `cells.state` AS cell_state, `cells.since` AS cell_since, `sums.source` AS sum_source,
       `sums.kind` AS sum_kind, `sums.minor` AS sum_minor, `sums.currency` AS sum_currency
FROM orders
ORDER BY seq DESC
LIMIT 1 BY partition, order_key
COMMENT 'Every order as it stands now.';
ALTER TABLE orders DROP COLUMN merged_into;
