package catalog

import (
	"math/bits"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// celScaled converts a whole number of a system's own smallest units, of which
// 10^digits make one unit of the currency, into minor units of ISO 4217:
// scaled(500, "isk", 2) is 5, scaled(500, "mga", 0) is 50000. What would have to
// be rounded is refused.
func celScaled(args ...ref.Val) ref.Val {
	amount, _ := bare(args[0])
	currency, _ := bare(args[1])
	n, okN := amount.(types.Int)
	c, okC := plain(currency)
	digits, okD := args[2].(types.Int)
	if !okN || !okC || !okD || digits < 0 || digits > 4 {
		return types.NewErr("scaled(): want a whole number, a currency and how many digits its units have")
	}
	iso, err := MinorDigits(strings.ToUpper(c))
	if err != nil {
		return types.NewErr("scaled(): %s", err)
	}
	out := int64(n)
	for ; int(digits) > iso; digits-- {
		if out%10 != 0 {
			return types.NewErr("scaled(): amount has more than %d digits behind the point", iso)
		}
		out /= 10
	}
	for ; int(digits) < iso; digits++ {
		if hi, lo := bits.Mul64(uint64(max(out, -out)), 10); hi != 0 || lo > 1<<63-1 {
			return types.NewErr("scaled(): amount is too great")
		}
		out *= 10
	}
	return types.Int(out)
}
