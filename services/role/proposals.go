package role

import (
	"github.com/orderledger/orderledger/ledger"
	"github.com/orderledger/orderledger/services/api"
	"github.com/orderledger/orderledger/services/config"
	"github.com/orderledger/orderledger/services/connector/catalog"
	"github.com/orderledger/orderledger/services/policy"
)

var _ api.PolicyCompiler = (*Proposals)(nil)

// Proposals compiles policies that come through the API: the proposed file lies
// over the configured layers.
type Proposals struct {
	Config  *config.Config
	Catalog *catalog.Catalog
}

// Compile implements api.PolicyCompiler.
func (p *Proposals) Compile(src api.PolicySource) (*ledger.PolicyRecord, []api.Problem) {
	var history []*ledger.Policy
	version := uint64(1)
	if src.Base != nil {
		base, err := ledger.DecodePolicy(src.Base.Tree)
		if err != nil {
			return nil, []api.Problem{{Message: err.Error()}}
		}
		history, version = append(history, base), src.Base.Version+1
	}
	specs, err := SourceSpecs(p.Config.Sources, p.Catalog)
	if err != nil {
		return nil, []api.Problem{{Message: err.Error()}}
	}
	layers, err := PolicyFiles(p.Config)
	if err != nil {
		return nil, []api.Problem{{Message: err.Error()}}
	}
	layers = append(layers, []policy.File{{Name: src.File, Data: src.YAML}})
	draft, problems := policy.Load(layers...)
	if policy.Failed(problems) {
		return nil, shown(problems)
	}
	compiled, more := draft.Compile(policy.Options{
		Version: version, EffectiveAt: src.EffectiveAt, Sources: specs,
		Vocabularies: Vocabularies(p.Catalog, p.Config), History: history,
	})
	problems = append(problems, more...)
	if policy.Failed(problems) {
		return nil, shown(problems)
	}
	return draft.Record(compiled, src.Actor), shown(problems)
}

func shown(list []policy.Problem) []api.Problem {
	var out []api.Problem
	for i := range list {
		p := &list[i]
		out = append(out, api.Problem{File: p.File, Line: p.Line, Column: p.Column, Message: p.Text, Warning: p.Level == policy.LevelWarning})
	}
	return out
}
