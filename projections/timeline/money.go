package timeline

import (
	"fmt"

	"github.com/orderledger/orderledger/ledger"
)

// decimals is how many digits of a currency are minor units; two unless said
// otherwise (ISO 4217).
func decimals(currency string) int {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	default:
		return 2
	}
}

// Money writes an amount for people, such as "49.90 EUR".
func Money(m ledger.Money) string {
	sign, minor := "", uint64(m.Minor)
	if m.Minor < 0 {
		sign, minor = "-", -uint64(m.Minor)
	}
	d := decimals(m.Currency)
	if d == 0 {
		return fmt.Sprintf("%s%d %s", sign, minor, m.Currency)
	}
	unit := uint64(1)
	for range d {
		unit *= 10
	}
	return fmt.Sprintf("%s%d.%0*d %s", sign, minor/unit, d, minor%unit, m.Currency)
}
