package strictyaml_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/orderledger/orderledger/services/connector/strictyaml"
)

type sample struct {
	Name  string            `yaml:"name"`
	Count int64             `yaml:"count"`
	Ratio float64           `yaml:"ratio"`
	On    bool              `yaml:"on"`
	List  []string          `yaml:"list"`
	Map   map[string]string `yaml:"map"`
	Sub   *sample           `yaml:"sub"`
	Plain string
}

func TestDecode(t *testing.T) {
	var s sample
	err := strictyaml.Decode("f.yaml", []byte("name: n\ncount: 3\nratio: 0.5\non: true\nlist: &l [a, b]\nmap: {k: v}\nsub: {list: *l}\n"), &s)
	if err != nil || s.Count != 3 || s.Sub.List[1] != "b" || s.Map["k"] != "v" || !s.On || s.Ratio != 0.5 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestProblems(t *testing.T) {
	for in, want := range map[string]string{
		"nmae: x":                   `f.yaml:1:1: unknown key "nmae"; did you mean "name"?`,
		"zzz: x":                    `known here: count, list, map, name, on, ratio, sub`,
		"Plain: x":                  `unknown key "Plain"`,
		"name: x\nname: y":          `f.yaml:2:1`,
		"count: many":               `f.yaml:1:8: want a whole number, found "many"`,
		"on: \"true\"":              `want true or false`,
		"list: x":                   `want a list, found a single value`,
		"name: [x]":                 `want a single value, found a list`,
		"map: {a: 1, a: 2}":         `stands twice`,
		"sub: x":                    `want key: value pairs`,
		"":                          `the file is empty`,
		"name: x\n---\nname: y":     `more than one YAML document`,
		"name: [":                   `f.yaml:1`,
		"sub: &a\n  sub: *a":        `f.yaml`,
		"count: 1\nnmae: x\nzzz: 1": `f.yaml:3:1`,
	} {
		var s sample
		err := strictyaml.Decode("f.yaml", []byte(in), &s)
		var p *strictyaml.Problem
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &p) {
			t.Errorf("%q: %v; want %s", in, err, want)
		}
	}
}
