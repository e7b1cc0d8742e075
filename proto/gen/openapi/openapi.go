// Package openapi carries the OpenAPI documents of the REST surface, so that a server can hand
// out exactly the ones its own routes were generated with. Only this file is written by hand;
// the documents beside it are generated.
package openapi

import _ "embed" // for the two documents

//go:embed openapi.yaml
var three string

//go:embed orderledger.swagger.json
var two string

// V3 returns the OpenAPI 3 document, YAML. The caller owns the bytes.
func V3() []byte { return []byte(three) }

// V2 returns the OpenAPI 2 document, JSON. The caller owns the bytes.
func V2() []byte { return []byte(two) }
