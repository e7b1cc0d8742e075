package catalog

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// ErrMoney is the identity of a refused sum of money.
var ErrMoney = errors.New("not an exact amount of an ISO 4217 currency")

// isoCurrencies lists the currencies of ISO 4217 by the number of digits
// behind the point of their minor unit.
const (
	isoZero  = " BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "
	isoThree = " BHD IQD JOD KWD LYD OMR TND "
	isoFour  = " CLF UYW "
	isoTwo   = " AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK " +
		"DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL " +
		"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL " +
		"THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL "
)

// MinorDigits returns how many digits the minor unit of a currency has.
func MinorDigits(currency string) (int, error) {
	if len(currency) == 3 {
		word := " " + currency + " "
		for digits, list := range [...]string{isoZero, "", isoTwo, isoThree, isoFour} {
			if strings.Contains(list, word) {
				return digits, nil
			}
		}
	}
	return 0, fmt.Errorf("currency %q: %w", clip(currency), ErrMoney)
}

// Minor converts a decimal text in major units to integer minor units. Digits
// beyond the currency's must be zero: nothing is ever rounded. Exponents, as
// some encoders write them, are understood.
func Minor(amount, currency string) (int64, error) {
	digits, err := MinorDigits(strings.ToUpper(currency))
	if err != nil {
		return 0, err
	}
	if minor, ok := plainMinor(amount, digits); ok {
		return minor, nil
	}
	if !decimal(amount) {
		return 0, fmt.Errorf("amount is not a decimal number: %w", ErrMoney)
	}
	r, ok := new(big.Rat).SetString(amount)
	if !ok {
		return 0, fmt.Errorf("amount is not a decimal number: %w", ErrMoney)
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	r.Mul(r, new(big.Rat).SetInt(scale))
	if !r.IsInt() {
		return 0, fmt.Errorf("amount has more than %d digits behind the point: %w", digits, ErrMoney)
	}
	if !r.Num().IsInt64() {
		return 0, fmt.Errorf("amount is too great: %w", ErrMoney)
	}
	return r.Num().Int64(), nil
}

// plainMinor converts what nearly every amount is, digits with a point among them;
// false for whatever is longer, stranger or wrong, which Minor decides.
func plainMinor(s string, digits int) (int64, bool) {
	text, negative := strings.CutPrefix(s, "-")
	if len(text) == 0 || len(text) > 14 {
		return 0, false
	}
	minor, left, behind := int64(0), digits, false
	for i := range len(text) {
		c := text[i]
		switch {
		case c == '.' && !behind && i > 0:
			behind = true
		case c < '0' || c > '9':
			return 0, false
		case behind && left == 0:
			if c != '0' {
				return 0, false
			}
		default:
			minor = 10*minor + int64(c-'0')
			if behind {
				left--
			}
		}
	}
	for ; left > 0; left-- {
		minor *= 10
	}
	if negative {
		minor = -minor
	}
	return minor, true
}

// decimal reports whether s is an optional sign, digits with at most one point
// and a small optional exponent. It keeps big.Rat from fractions, hex and
// exponents that would cost gigabytes.
func decimal(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	mantissa, exponent, hasExponent := s, "", false
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent, hasExponent = s[:i], s[i+1:], true
	}
	if hasExponent {
		exponent = strings.TrimLeft(exponent, "+-")
		if len(exponent) == 0 || len(exponent) > 2 || strings.Trim(exponent, "0123456789") != "" {
			return false
		}
	}
	mantissa = strings.TrimPrefix(strings.TrimPrefix(mantissa, "-"), "+")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if len(whole)+len(fraction) == 0 {
		return false
	}
	return strings.Trim(whole+fraction, "0123456789") == ""
}

// clip shortens a text for a message.
func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
