package policy

import "embed"

//go:embed shipped/*.yaml
var shipped embed.FS

// Shipped returns the matrix and the rules that come with orderledger: the
// layer under a shop's own files.
func Shipped() ([]File, error) {
	var out []File
	for _, name := range []string{"matrix.yaml", "rules.yaml"} {
		data, err := shipped.ReadFile("shipped/" + name)
		if err != nil {
			return nil, err
		}
		out = append(out, File{Name: "shipped/" + name, Data: data})
	}
	return out, nil
}
