package ledger

import "strings"

// Axis is one of the six dimensions on which systems describe an order. The
// numbers are frozen; they stand in records and in stored state.
type Axis uint8

// The axes.
const (
	AxisNone         Axis = 0
	AxisOrder        Axis = 1
	AxisPayment      Axis = 2
	AxisFulfilment   Axis = 3
	AxisReturn       Axis = 4
	AxisAllocation   Axis = 5
	AxisNotification Axis = 6
)

// Axes is how many axes there are; valid axes are 1 … Axes.
const Axes = 6

// State is a canonical value on an axis. Its meaning depends on the axis; 0, 1
// and 2 mean the same on all of them. The numbers are frozen and stay below 64.
type State uint8

// The states every axis has.
const (
	// Absent: the source was never heard about this object.
	Absent State = 0
	// Unmapped: the source used a word the matrix does not know (S-10).
	Unmapped State = 1
	// Conflict: one version carries several words of which one is unmapped (S-6).
	Conflict State = 2
)

// Order axis.
const (
	OrderDraft             State = 8
	OrderReceived          State = 9
	OrderPendingValidation State = 10
	OrderPlaced            State = 11
	OrderPendingIngestion  State = 12
	OrderConfirmed         State = 13
	OrderProcessing        State = 14
	OrderCompleted         State = 15
	OrderClosed            State = 16
	OrderHold              State = 17
	OrderRejected          State = 18
	OrderCancelled         State = 19
)

// Payment axis.
const (
	PaymentPending           State = 8
	PaymentAuthorised        State = 9
	PaymentPartiallyCaptured State = 10
	PaymentCaptured          State = 11
	PaymentPartiallyRefunded State = 12
	PaymentRefunded          State = 13
	PaymentFailed            State = 14
	PaymentExpired           State = 15
	PaymentVoided            State = 16
	PaymentDisputed          State = 17
	PaymentChargedBack       State = 18
)

// Fulfilment axis.
const (
	FulfilmentPending            State = 8
	FulfilmentPartiallyPicked    State = 9
	FulfilmentPicked             State = 10
	FulfilmentPartiallyPacked    State = 11
	FulfilmentPacked             State = 12
	FulfilmentPartiallyShipped   State = 13
	FulfilmentShipped            State = 14
	FulfilmentInTransit          State = 15
	FulfilmentOutForDelivery     State = 16
	FulfilmentPartiallyDelivered State = 17
	FulfilmentDelivered          State = 18
	FulfilmentHold               State = 19
	FulfilmentAttemptFailed      State = 20
	FulfilmentFailed             State = 21
	FulfilmentReturnedToSender   State = 22
	FulfilmentNotRequired        State = 23
	FulfilmentCancelled          State = 24
)

// Return axis.
const (
	ReturnRequested         State = 8
	ReturnApproved          State = 9
	ReturnInTransit         State = 10
	ReturnPartiallyReceived State = 11
	ReturnReceived          State = 12
	ReturnInspected         State = 13
	ReturnCredited          State = 14
	ReturnClosed            State = 15
	ReturnDeclined          State = 16
	ReturnCancelled         State = 17
)

// Allocation axis.
const (
	AllocationPending            State = 8
	AllocationPartiallyAllocated State = 9
	AllocationAllocated          State = 10
	AllocationConsumed           State = 11
	AllocationBackordered        State = 12
	AllocationFailed             State = 13
	AllocationReleased           State = 14
)

// Notification axis.
const (
	NotificationQueued     State = 8
	NotificationSent       State = 9
	NotificationDelivered  State = 10
	NotificationOpened     State = 11
	NotificationSuppressed State = 12
	NotificationBounced    State = 13
	NotificationFailed     State = 14
)

// stateInfo describes one state of an axis.
type stateInfo struct {
	name string
	// rank is the place on the lifecycle line, ascending; 0 means the state
	// stands beside the line and is not comparable by >=.
	rank uint8
	// partial is the state that says "some objects reached this one, some did
	// not"; Absent if there is none.
	partial State
	// passing is true for states beside the line that an order may enter and
	// leave again between two observations (a hold), as opposed to ends.
	passing bool
}

// axisInfo describes one axis. A state's tie rank (S-6) is its number: within
// one version the greater number wins.
type axisInfo struct {
	name   string
	states [64]stateInfo
	byName map[string]State
	codes  []State // the canonical states, ascending; without the three common ones
	// leadFrom is the state from which smaller objects refine a leading one
	// (RollupLead); Absent: from any state on the line.
	leadFrom State
}

// axes is the table of all axes, indexed by Axis. It is built once, from
// constants only.
var axes = buildAxes()

func buildAxes() [Axes + 1]axisInfo {
	var t [Axes + 1]axisInfo
	t[AxisOrder] = newAxis("order",
		[]string{"DRAFT", "RECEIVED", "PENDING_VALIDATION", "PLACED", "PENDING_INGESTION", "CONFIRMED", "PROCESSING", "COMPLETED", "CLOSED"},
		[]string{"HOLD", "REJECTED", "CANCELLED"})
	t[AxisPayment] = newAxis("payment",
		[]string{"PENDING", "AUTHORISED", "PARTIALLY_CAPTURED", "CAPTURED", "PARTIALLY_REFUNDED", "REFUNDED"},
		[]string{"FAILED", "EXPIRED", "VOIDED", "DISPUTED", "CHARGED_BACK"})
	t[AxisFulfilment] = newAxis("fulfilment",
		[]string{"PENDING", "PARTIALLY_PICKED", "PICKED", "PARTIALLY_PACKED", "PACKED", "PARTIALLY_SHIPPED", "SHIPPED", "IN_TRANSIT",
			"OUT_FOR_DELIVERY", "PARTIALLY_DELIVERED", "DELIVERED"},
		[]string{"HOLD", "ATTEMPT_FAILED", "FAILED", "RETURNED_TO_SENDER", "NOT_REQUIRED", "CANCELLED"})
	t[AxisReturn] = newAxis("return",
		[]string{"REQUESTED", "APPROVED", "IN_TRANSIT", "PARTIALLY_RECEIVED", "RECEIVED", "INSPECTED", "CREDITED", "CLOSED"},
		[]string{"DECLINED", "CANCELLED"})
	t[AxisAllocation] = newAxis("allocation",
		[]string{"PENDING", "PARTIALLY_ALLOCATED", "ALLOCATED", "CONSUMED"},
		[]string{"BACKORDERED", "FAILED", "RELEASED"})
	t[AxisNotification] = newAxis("notification",
		[]string{"QUEUED", "SENT", "DELIVERED", "OPENED"},
		[]string{"SUPPRESSED", "BOUNCED", "FAILED"})
	markAxes(&t)
	return t
}

// newAxis numbers the states from 8 on: those on the lifecycle line with ascending
// ranks, then those beside it.
func newAxis(name string, line, beside []string) axisInfo {
	x := axisInfo{name: name, byName: map[string]State{}}
	x.states[Absent] = stateInfo{name: "ABSENT"}
	x.states[Unmapped] = stateInfo{name: "UNMAPPED"}
	x.states[Conflict] = stateInfo{name: "CONFLICT"}
	next := State(8)
	for i, n := range line {
		x.states[next] = stateInfo{name: n, rank: uint8(i+1) * 10}
		x.codes = append(x.codes, next)
		next++
	}
	for _, n := range beside {
		x.states[next] = stateInfo{name: n}
		x.codes = append(x.codes, next)
		next++
	}
	for code := range x.states {
		if n := x.states[code].name; n != "" {
			x.byName[squash(n)] = State(code)
		}
	}
	return x
}

// markAxes says which states are the partial form of others, from where smaller
// objects refine a leading one, and which states are passed through.
func markAxes(t *[Axes + 1]axisInfo) {
	partial := func(a Axis, whole, part State) { t[a].states[whole].partial = part }
	partial(AxisPayment, PaymentCaptured, PaymentPartiallyCaptured)
	partial(AxisPayment, PaymentRefunded, PaymentPartiallyRefunded)
	partial(AxisFulfilment, FulfilmentPicked, FulfilmentPartiallyPicked)
	partial(AxisFulfilment, FulfilmentPacked, FulfilmentPartiallyPacked)
	partial(AxisFulfilment, FulfilmentShipped, FulfilmentPartiallyShipped)
	partial(AxisFulfilment, FulfilmentDelivered, FulfilmentPartiallyDelivered)
	partial(AxisReturn, ReturnReceived, ReturnPartiallyReceived)
	partial(AxisAllocation, AllocationAllocated, AllocationPartiallyAllocated)
	t[AxisPayment].leadFrom = PaymentCaptured
	t[AxisFulfilment].leadFrom = FulfilmentShipped
	passing := func(a Axis, s State) { t[a].states[s].passing = true }
	passing(AxisOrder, OrderHold)
	passing(AxisFulfilment, FulfilmentHold)
	passing(AxisFulfilment, FulfilmentAttemptFailed)
	passing(AxisPayment, PaymentDisputed)
	passing(AxisAllocation, AllocationBackordered)
}

// squash folds the spellings of a word: case, underscores, hyphens and spaces
// do not matter, nor do the American forms of words the canon spells in British.
func squash(s string) string {
	s = strings.ToUpper(s)
	s = strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, s)
	s = strings.ReplaceAll(s, "AUTHORIZED", "AUTHORISED")
	return strings.ReplaceAll(s, "CANCELED", "CANCELLED")
}

// Valid reports whether a is one of the six axes.
func (a Axis) Valid() bool { return a >= 1 && a <= Axes }

// String returns the axis' name, such as "fulfilment".
func (a Axis) String() string {
	if !a.Valid() {
		return "none"
	}
	return axes[a].name
}

// ParseAxis returns the axis of that name; American spelling is accepted.
func ParseAxis(name string) (Axis, bool) {
	n := strings.ToLower(name)
	if n == "fulfillment" {
		n = "fulfilment"
	}
	for a := AxisOrder; a <= Axes; a++ {
		if axes[a].name == n {
			return a, true
		}
	}
	return AxisNone, false
}

// StateName returns the canonical spelling of s on axis a, or "INVALID".
func (a Axis) StateName(s State) string {
	if a.Valid() && s < 64 && axes[a].states[s].name != "" {
		return axes[a].states[s].name
	}
	return "INVALID"
}

// ParseState returns the state of that name on axis a. Lost underscores, case
// and American spelling are accepted; output always uses the canonical spelling.
func (a Axis) ParseState(name string) (State, bool) {
	if !a.Valid() {
		return 0, false
	}
	s, ok := axes[a].byName[squash(name)]
	return s, ok
}

// States returns every state of the axis in ascending number.
func (a Axis) States() []State {
	var out []State
	if !a.Valid() {
		return out
	}
	for code := range axes[a].states {
		if axes[a].states[code].name != "" {
			out = append(out, State(code))
		}
	}
	return out
}

// Rank returns the place of s on the lifecycle line of a, or 0 for a state
// that stands beside it. Ranks ascend in the order the lifecycle runs.
func (a Axis) Rank(s State) int {
	if !a.Valid() || s >= 64 {
		return 0
	}
	return int(axes[a].states[s].rank)
}

// Certain reports whether s is a known value: neither Unmapped nor Conflict.
func (s State) Certain() bool { return s != Unmapped && s != Conflict }
