// Command openapi3 turns the OpenAPI 2 document that the gateway's plugin writes into an
// OpenAPI 3 document. It reads the one named by its first argument and writes the one named by
// its second. The result depends on nothing but the input, so it can be committed and compared.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"
)

// header tells readers of the committed file where it comes from.
const header = "# Generated from proto/orderledger/v1 by proto/tools/generate.sh. Do not edit.\n"

// sections fixes the order of the document's parts; within a part keys are sorted.
var sections = [...]string{"openapi", "info", "servers", "security", "tags", "paths", "components"}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "openapi3:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: openapi3 orderledger.swagger.json openapi.yaml")
	}
	in, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read the OpenAPI 2 document: %w", err)
	}
	out, err := convert(in)
	if err != nil {
		return fmt.Errorf("convert %s: %w", args[0], err)
	}
	if err := os.WriteFile(args[1], out, 0o644); err != nil {
		return fmt.Errorf("write the OpenAPI 3 document: %w", err)
	}
	return nil
}

func convert(in []byte) ([]byte, error) {
	var two openapi2.T
	if err := json.Unmarshal(in, &two); err != nil {
		return nil, fmt.Errorf("parse OpenAPI 2: %w", err)
	}
	three, err := openapi2conv.ToV3(&two)
	if err != nil {
		return nil, err
	}
	three.Servers = openapi3.Servers{{URL: "/", Description: "The server that this document was read from."}}
	three.Components.SecuritySchemes["bearer"] = &openapi3.SecuritySchemeRef{
		Value: openapi3.NewSecurityScheme().WithType("http").WithScheme("bearer").
			WithDescription("A JWT of the configured issuer, or an API token."),
	}
	streamLines(three)
	if err := openapi3.NewLoader().ResolveRefsIn(three, nil); err != nil {
		return nil, fmt.Errorf("resolve references: %w", err)
	}
	if err := three.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("validate OpenAPI 3: %w", err)
	}
	return render(three)
}

// streamLines says of every watch that its answer is a sequence of lines, which OpenAPI 2
// cannot express.
func streamLines(doc *openapi3.T) {
	for path, item := range doc.Paths.Map() {
		if !strings.HasSuffix(path, ":watch") {
			continue
		}
		for _, op := range item.Operations() {
			ok := op.Responses.Status(200)
			text := "A stream: one JSON object per line, until either side ends it."
			ok.Value.Description = &text
		}
	}
}

func render(doc *openapi3.T) ([]byte, error) {
	raw, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode as JSON: %w", err)
	}
	// JSON is YAML; decoding it as such keeps whole numbers whole.
	var parts map[string]any
	if err := yaml.Unmarshal(raw, &parts); err != nil {
		return nil, fmt.Errorf("decode as YAML: %w", err)
	}
	var buf bytes.Buffer
	buf.WriteString(header)
	for _, name := range sections {
		part, ok := parts[name]
		if !ok {
			continue
		}
		delete(parts, name)
		enc := yaml.NewEncoder(&buf)
		enc.SetIndent(2)
		if err := enc.Encode(map[string]any{name: part}); err != nil {
			return nil, fmt.Errorf("encode section %s: %w", name, err)
		}
		if err := enc.Close(); err != nil {
			return nil, fmt.Errorf("finish section %s: %w", name, err)
		}
	}
	for name := range parts {
		return nil, fmt.Errorf("section %q has no place in the document; add it to sections", name)
	}
	return buf.Bytes(), nil
}
