package role

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
	"github.com/orderledger/orderledger/services/policy"
)

// PolicyFiles reads the policy's layers: the shipped files, then the
// configured ones, then the bindings of the configuration.
func PolicyFiles(cfg *config.Config) ([][]policy.File, error) {
	shipped, err := policy.Shipped()
	if err != nil {
		return nil, err
	}
	layers := [][]policy.File{shipped}
	var own []policy.File
	for _, name := range slices.Concat(cfg.Policy.Matrix, cfg.Policy.Rules) {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read policy file: %w", err)
		}
		own = append(own, policy.File{Name: name, Data: data})
	}
	if len(own) > 0 {
		layers = append(layers, own)
	}
	if b := bindingsFile(cfg); b != nil {
		layers = append(layers, []policy.File{*b})
	}
	return layers, nil
}

// bindingsFile writes the configured bindings, or those that follow from the
// sources alone: the one origin, and the one source of each other role.
func bindingsFile(cfg *config.Config) *policy.File {
	if len(cfg.Policy.Bindings) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("bindings:\n")
	for _, origin := range sortedKeys(cfg.Policy.Bindings) {
		fmt.Fprintf(&b, "  %s:\n", origin)
		for _, role := range sortedKeys(cfg.Policy.Bindings[origin]) {
			fmt.Fprintf(&b, "    %s: %s\n", role, cfg.Policy.Bindings[origin][role])
		}
	}
	return &policy.File{Name: "policy.bindings", Data: []byte(b.String())}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Bind fills in bindings that follow from the sources: each source that
// carries an origin's ids, in its role.
func Bind(cfg *config.Config, specs []ledger.SourceSpec) {
	if len(cfg.Policy.Bindings) > 0 {
		return
	}
	out := map[string]map[string]string{}
	for i := range cfg.Sources {
		src := &cfg.Sources[i]
		if src.Origin || src.OriginSource == "" {
			continue
		}
		at := slices.IndexFunc(specs, func(s ledger.SourceSpec) bool { return string(s.Name) == src.Name })
		if at < 0 {
			continue
		}
		if out[src.OriginSource] == nil {
			out[src.OriginSource] = map[string]string{}
		}
		role := specs[at].Role.String()
		if _, taken := out[src.OriginSource][role]; !taken {
			out[src.OriginSource][role] = src.Name
		}
	}
	cfg.Policy.Bindings = out
}

// Vocabularies are the words of every system in use.
func Vocabularies(cat *catalog.Catalog, cfg *config.Config) []policy.Vocabulary {
	var out []policy.Vocabulary
	seen := map[string]bool{}
	for i := range cfg.Sources {
		name := cfg.Sources[i].System
		sys, err := cat.System(name)
		if err != nil || seen[name] {
			continue
		}
		seen[name] = true
		out = append(out, policy.VocabularyOf(sys))
	}
	return out
}

// CompilePolicy compiles the configured policy as the version after history.
func CompilePolicy(cfg *config.Config, cat *catalog.Catalog, history []*ledger.Policy, effective ledger.Instant) (*ledger.Policy, *policy.Draft, error) {
	specs, err := SourceSpecs(cfg.Sources, cat)
	if err != nil {
		return nil, nil, err
	}
	Bind(cfg, specs)
	layers, err := PolicyFiles(cfg)
	if err != nil {
		return nil, nil, err
	}
	draft, problems := policy.Load(layers...)
	if policy.Failed(problems) {
		return nil, nil, policy.Err(problems)
	}
	version := uint64(1)
	if n := len(history); n > 0 {
		version = history[n-1].Version + 1
	}
	p, problems := draft.Compile(policy.Options{Version: version, EffectiveAt: effective, Sources: specs, Vocabularies: Vocabularies(cat, cfg), History: history})
	if policy.Failed(problems) {
		return nil, nil, policy.Err(problems)
	}
	return p, draft, nil
}

// ProposeConfigured proposes the configured policy if the log holds none, or
// another one. The first is in force since ever, later ones from now on.
func ProposeConfigured(ctx context.Context, s *Stack, n *engine.Node, cat *catalog.Catalog) error {
	history, err := policiesInLog(ctx, s)
	if err != nil {
		return err
	}
	if len(history) > 0 {
		newest := history[len(history)-1]
		same, _, err := CompilePolicy(s.Config, cat, history[:len(history)-1], newest.EffectiveAt)
		if err != nil {
			return err
		}
		if bytes.Equal(ledger.EncodePolicy(same), ledger.EncodePolicy(newest)) {
			return nil
		}
	}
	effective := ledger.Instant(0)
	if len(history) > 0 {
		effective = ledger.At(time.Now())
	}
	p, draft, err := CompilePolicy(s.Config, cat, history, effective)
	if err != nil {
		return err
	}
	if _, err := n.ProposePolicy(ctx, draft.Record(p, "configuration")); err != nil {
		return fmt.Errorf("propose policy version %d: %w", p.Version, err)
	}
	s.Logger.Info("policy proposed", "version", p.Version, "rules", len(p.Rules), "rows", len(p.Rows))
	return nil
}

// policiesInLog reads the policies of orders.control.v1, ascending by version.
func policiesInLog(ctx context.Context, s *Stack) ([]*ledger.Policy, error) {
	starts, err := s.Log.StartOffsets(ctx, kafkalog.TopicControl)
	if err != nil {
		return nil, err
	}
	ends, err := s.Log.EndOffsets(ctx, kafkalog.TopicControl)
	if err != nil {
		return nil, err
	}
	records, err := kafkalog.ReadRange(ctx, s.Log, kafkalog.Position{Topic: kafkalog.TopicControl, Offset: starts[0]}, ends[0])
	if err != nil {
		return nil, err
	}
	var out []*ledger.Policy
	var errs []error
	dec := s.Codec.NewDecoder()
	for i := range records {
		rec, err := dec.DecodePolicy(records[i].Value)
		if err != nil {
			continue // not a policy: the owners skip it as well
		}
		p, err := ledger.DecodePolicy(rec.Tree)
		if err != nil {
			errs = append(errs, fmt.Errorf("policy version %d at offset %d: %w", rec.Version, records[i].Offset, err))
			continue
		}
		if p.Version == uint64(len(out))+1 {
			out = append(out, p)
		}
	}
	return out, errors.Join(errs...)
}

// Checked is a configured policy with what a check needs.
type Checked struct {
	Draft        *policy.Draft
	Policy       *ledger.Policy
	Vocabularies []policy.Vocabulary
}

// CheckPolicy compiles the configured policy for checking. Without sources, every
// shipped system stands for one.
func CheckPolicy(cfg *config.Config) (*Checked, error) {
	cat, err := BoundCatalog(cfg)
	if err != nil {
		return nil, err
	}
	p, draft, err := CompilePolicy(cfg, cat, nil, 0)
	if err != nil {
		return nil, err
	}
	return &Checked{Draft: draft, Policy: p, Vocabularies: Vocabularies(cat, cfg)}, nil
}
