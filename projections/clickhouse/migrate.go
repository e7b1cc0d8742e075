package clickhouse

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Database is the database every table and view stands in, unless the DSN
// names another.
const Database = "orderledger"

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Migrate creates the database if it is missing and brings its tables and views
// to the present version. It is safe to run again.
func Migrate(ctx context.Context, opt *ch.Options) error {
	name := opt.Auth.Database
	if !plainName.MatchString(name) {
		return fmt.Errorf("database %q: want letters, digits and underscores", name)
	}
	admin := *opt
	admin.Auth.Database = ""
	create := ch.OpenDB(&admin)
	_, err := create.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS "+name)
	if err = errors.Join(err, create.Close()); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	db := ch.OpenDB(opt)
	err = up(ctx, db)
	return errors.Join(err, db.Close())
}

func up(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectClickHouse, db, files)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
