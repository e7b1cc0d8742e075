package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// maxRows is how many rows a table shows.
const maxRows = 10_000

func (a *app) query() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use: "query SQL", Short: "Ask ClickHouse", Args: exactly(1, "one query in quotes, or - to read it from standard input"),
		Long: "Ask ClickHouse, reading only. The views v_* are the public contract; `orderledger query 'SHOW TABLES'` lists them.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.format(); err != nil {
				return err
			}
			sql := args[0]
			if sql == "-" {
				data, err := io.ReadAll(a.In)
				if err != nil {
					return fmt.Errorf("read query: %w", err)
				}
				sql = string(data)
			}
			ctx, cancel := a.within(cmd)
			defer cancel()
			return a.runQuery(ctx, address, sql)
		},
	}
	cmd.Flags().StringVar(&address, "clickhouse", "", "HTTP address of ClickHouse, http://[user:password@]host:port [ORDERLEDGER_CLICKHOUSE_HTTP]")
	return cmd
}

// clickhouse finds the HTTP address of ClickHouse.
func (a *app) clickhouse(address string) (*url.URL, error) {
	address = a.env(address, "ORDERLEDGER_CLICKHOUSE_HTTP")
	if address == "" {
		e, err := a.endpoints()
		if err != nil {
			return nil, err
		}
		if e == nil || e.ClickHouseHTTP == "" {
			return nil, errors.New("no ClickHouse is known: start `orderledger dev` (without --no-analytics), or name one with --clickhouse http://host:port")
		}
		address = e.ClickHouseHTTP
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, Usage("--clickhouse %q: want http://host:port", address)
	}
	return u, nil
}

func (a *app) runQuery(ctx context.Context, address, sql string) error {
	u, err := a.clickhouse(address)
	if err != nil {
		return err
	}
	formats := map[string]string{"json": "JSON", "yaml": "JSON", "ndjson": "JSONEachRow"}
	format := formats[a.output]
	if format == "" {
		format = "JSONCompactEachRowWithNames"
	}
	q := url.Values{"database": {"orderledger"}, "default_format": {format}, "readonly": {"2"}}
	user := u.User
	u.User, u.RawQuery, u.Path = nil, q.Encode(), "/"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(sql))
	if err != nil {
		return fmt.Errorf("ask ClickHouse: %w", err)
	}
	if user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask ClickHouse at %s: %w", u.Host, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return errors.Join(fmt.Errorf("ClickHouse refuses the query: %s", bytes.TrimSpace(body)), err)
	}
	switch a.output {
	case "table", "wide":
		return a.drawRows(resp.Body)
	case "ndjson":
		_, err = io.Copy(a.Out, resp.Body)
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if !json.Valid(body) { // the query named a format of its own
		_, err = a.Out.Write(body)
		return err
	}
	return a.document(body)
}

// drawRows draws a table from one JSON array per line; what is none is passed on.
func (a *app) drawRows(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	t := a.table()
	for n := 0; lines.Scan(); n++ {
		var cells []any
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.UseNumber()
		if err := dec.Decode(&cells); err != nil {
			if _, err := fmt.Fprintln(a.Out, lines.Text()); err != nil {
				return err
			}
			continue
		}
		if n > maxRows {
			_, _ = fmt.Fprintf(a.Err, "only the first %d rows are shown; -o ndjson gives them all\n", maxRows)
			break
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			row[i] = cell(c)
		}
		if n == 0 {
			t.header = row
			continue
		}
		t.row(row...)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return t.write(a.Out)
}

// cell writes one value of a row on one line.
func cell(v any) string {
	var text string
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		text = v
	default:
		raw, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		text = string(raw)
	}
	return strings.NewReplacer("\n", " ", "\t", " ", "\x1b", "").Replace(text)
}
