package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// Server is what a ClickHouse says of itself. Examining changes nothing.
type Server struct {
	// Version is such as "26.7.3.1".
	Version string
	// Clock is what its clock said between Asked and Answered, on ours.
	Clock, Asked, Answered time.Time
	// Schema is the newest migration that was applied, 0 where the database does
	// not exist yet; Newest is the newest one known here.
	Schema, Newest int64
}

// Examine asks a server about itself.
func Examine(ctx context.Context, opt *ch.Options) (Server, error) {
	s := Server{}
	var err error
	if s.Newest, err = newestMigration(); err != nil {
		return s, err
	}
	admin := *opt
	admin.Auth.Database = ""
	conn, err := ch.Open(&admin)
	if err != nil {
		return s, fmt.Errorf("connect to ClickHouse: %w", err)
	}
	s.Asked = time.Now()
	err = conn.QueryRow(ctx, "SELECT version(), now64(6, 'UTC')").Scan(&s.Version, &s.Clock)
	if s.Answered = time.Now(); err != nil {
		return s, errors.Join(fmt.Errorf("ask ClickHouse: %w", err), conn.Close())
	}
	var tables uint64
	err = conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = ? AND name = 'goose_db_version'", opt.Auth.Database).Scan(&tables)
	if err == nil && tables > 0 && plainName.MatchString(opt.Auth.Database) {
		err = conn.QueryRow(ctx, "SELECT max(version_id) FROM "+opt.Auth.Database+".goose_db_version WHERE is_applied = 1").Scan(&s.Schema)
	}
	if err != nil {
		err = fmt.Errorf("ask ClickHouse for the version of the schema: %w", err)
	}
	return s, errors.Join(err, conn.Close())
}

// newestMigration is the greatest number among the migrations.
func newestMigration() (int64, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, fmt.Errorf("list migrations: %w", err)
	}
	newest := int64(0)
	for _, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s: its name begins with no number: %w", name, err)
		}
		newest = max(newest, n)
	}
	return newest, nil
}
