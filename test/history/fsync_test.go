package history_test

import (
	"strings"
	"testing"
)

// TestBlocksAreOnDiskBeforeTheyAreAnsweredFor: a pump resumes at the greatest
// seq, so a block that a loss of power took from below it would never be sent
// again (I-19).
func TestBlocksAreOnDiskBeforeTheyAreAnsweredFor(t *testing.T) {
	s := open(t)
	for _, table := range []string{"events", "exceptions", "orders", "quarantine"} {
		var engine string
		if err := s.Conn().QueryRow(t.Context(), "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = $1", table).Scan(&engine); err != nil {
			t.Fatal(err)
		}
		for _, setting := range []string{"fsync_after_insert = 1", "fsync_part_directory = 1"} {
			if !strings.Contains(engine, setting) {
				t.Errorf("%s lacks %s: %s", table, setting, engine)
			}
		}
	}
}
