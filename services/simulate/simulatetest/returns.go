package simulatetest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orderledger/orderledger/services/policy"
)

// DatedReturns lays over the shipped catalog, found at a path, that a return's
// document dates its own beginning; nothing if the catalog says so by itself.
// Without it the first word of a return has no known beginning, and nothing can
// be proven since it (S-12).
func DatedReturns(t *testing.T, shipped string) (fs.FS, []policy.File) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(shipped, "systems", "shopify.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const claim = `  - {axis: return, native: "word(it.?status).lowerAscii()"}`
	const dated = `  - {axis: return, mode: created, native: "'created_at'", stamp: it.created_at}`
	const words = "words: [requested, open, closed, canceled, declined]"
	text := string(raw)
	if strings.Contains(text, "axis: return, mode: created") {
		return nil, nil
	}
	if !strings.Contains(text, claim) || !strings.Contains(text, words) {
		t.Fatal("the shipped description of returns changed; adapt the overlay")
	}
	text = strings.Replace(text, claim, dated+"\n"+claim, 1)
	text = strings.Replace(text, words, "words: [created_at, requested, open, closed, canceled, declined]", 1)
	return fstest.MapFS{"shopify.yaml": {Data: []byte(text)}},
		[]policy.File{{Name: "returns.yaml", Data: []byte("matrix:\n  shopify:\n    return:\n      created_at: REQUESTED\n")}}
}
