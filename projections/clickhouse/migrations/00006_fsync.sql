-- +goose Up
-- A block is answered for only when it is on disk: who resumes at the greatest
-- seq cannot see a block that a loss of power took from below it.
ALTER TABLE events MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE exceptions MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE orders MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
ALTER TABLE quarantine MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

-- +goose Down
ALTER TABLE events RESET SETTING fsync_after_insert, fsync_part_directory;
ALTER TABLE exceptions RESET SETTING fsync_after_insert, fsync_part_directory;
ALTER TABLE orders RESET SETTING fsync_after_insert, fsync_part_directory;
ALTER TABLE quarantine RESET SETTING fsync_after_insert, fsync_part_directory;
