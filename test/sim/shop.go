package sim

import (
	"embed"
	"fmt"
	"io/fs"

	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/avroevent"
	"github.com/orderledger/orderledger/services/connector"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/policy"
)

//go:embed shop
var shopFiles embed.FS

// The sources, in the order in which they are numbered.
const (
	web = iota
	erp
	pay
	post
	systems
)

var names = [systems]string{"web", "erp", "pay", "post"}

// Start is when every run begins.
const Start = ledger.Instant(1_772_442_000_000_000) // 2026-03-02 09:00:00 UTC

// Shop is what all runs share: the catalog, the policy and the codec. Nothing in
// it changes.
type Shop struct {
	codec   *avroevent.Codec
	systems [systems]*catalog.System
	sources [systems]connector.Source
	specs   [systems]ledger.SourceSpec
	edge    *catalog.Mapper // of the storefront's webhooks
	policy  *ledger.PolicyRecord
	// later is the same policy again, as version 2: it changes nothing that is said.
	later *ledger.PolicyRecord
	rules map[string]ledger.Rule
}

// NewShop compiles the shop's systems and rules.
func NewShop() (*Shop, error) {
	dir, err := fs.Sub(shopFiles, "shop")
	if err != nil {
		return nil, fmt.Errorf("open the shop's files: %w", err)
	}
	s := &Shop{rules: map[string]ledger.Rule{}}
	if s.codec, err = avroevent.New(); err != nil {
		return nil, err
	}
	cat, err := catalog.Shipped()
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		file := "sim" + name + ".yaml"
		raw, err := fs.ReadFile(dir, file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if s.systems[i], err = cat.AddFile(file, raw); err != nil {
			return nil, err
		}
		s.sources[i] = connector.Source{Name: name, System: "sim" + name, Origin: i == web, BaseURL: "https://" + name + ".test",
			Since: connector.Moment(Start), LiveFrom: connector.Moment(Start), Poll: connector.PollSettings{PerSecond: 1000, Burst: 1000}}
		if i == erp || i == pay {
			s.sources[i].OriginSource = names[web]
		}
	}
	if err := cat.Bind(s.sources[:]); err != nil {
		return nil, err
	}
	if s.edge, err = s.systems[web].NewMapper(catalog.MapperOptions{Source: &s.sources[web]}); err != nil {
		return nil, err
	}
	return s, s.compile(dir)
}

// compile makes the policy of the rules.
func (s *Shop) compile(dir fs.FS) error {
	raw, err := fs.ReadFile(dir, "rules.yaml")
	if err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	draft, problems := policy.Load([]policy.File{{Name: "rules.yaml", Data: raw}})
	if err := policy.Err(problems); err != nil {
		return err
	}
	opt := policy.Options{Version: 1}
	for i := range s.systems {
		s.specs[i] = s.systems[i].SourceSpec(&s.sources[i])
		opt.Sources = append(opt.Sources, s.specs[i])
		opt.Vocabularies = append(opt.Vocabularies, policy.VocabularyOf(s.systems[i]))
	}
	p, problems := draft.Compile(opt)
	if err := policy.Err(problems); err != nil {
		return err
	}
	s.policy = p.Record(nil, "simulation")
	for _, r := range p.Rules {
		s.rules[r.Name] = r
	}
	opt.Version, opt.EffectiveAt, opt.History = 2, Start.Add(8*ledger.Minute), []*ledger.Policy{p}
	if p, problems = draft.Compile(opt); policy.Failed(problems) {
		return policy.Err(problems)
	}
	s.later = p.Record(nil, "simulation")
	return nil
}
