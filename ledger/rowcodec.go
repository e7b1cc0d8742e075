package ledger

// The versions of the rows encoding: the second carries outgoing records too, the
// third the roots of merged orders besides.
const (
	rowsFormat       = 1
	rowsWithOutgoing = 2
	rowsWithRoots    = 3
)

// roots lists the rows that name the root of a merged order: orders by their
// index, then exceptions by theirs.
func (r *Rows) roots() (list []OrderKey, any bool) {
	list = make([]OrderKey, 0, len(r.Orders)+len(r.Exceptions))
	for i := range r.Orders {
		list = append(list, r.Orders[i].Summary.MergedInto)
	}
	for i := range r.Exceptions {
		list = append(list, r.Exceptions[i].Exception.MovedTo)
	}
	for _, k := range list {
		any = any || k != ""
	}
	return list, any
}

// EncodeRows returns the rows of a batch as one blob, for an outbox.
func EncodeRows(b []byte, r *Rows) []byte {
	format := byte(rowsFormat)
	if len(r.Outgoing) > 0 {
		format = rowsWithOutgoing
	}
	roots, any := r.roots()
	if any {
		format = rowsWithRoots
	}
	b = append(b, format)
	b = appendUint(b, len(r.History))
	for i := range r.History {
		b = appendHistoryRow(b, &r.History[i])
	}
	b = appendUint(b, len(r.Exceptions))
	for i := range r.Exceptions {
		x := &r.Exceptions[i]
		b = appendInt(appendInt(appendUint(b, x.Seq), x.Offset), x.RecordedAt)
		b = appendBlob(append(b, byte(x.Change)), EncodeException(nil, &x.Exception))
	}
	b = appendUint(b, len(r.Orders))
	for i := range r.Orders {
		x := &r.Orders[i]
		b = appendInt(appendInt(appendUint(b, x.Seq), x.Offset), x.RecordedAt)
		b = appendSummary(b, &x.Summary)
	}
	b = appendUint(b, len(r.Quarantine))
	for i := range r.Quarantine {
		x := &r.Quarantine[i]
		b = appendInt(appendInt(appendUint(b, x.Seq), x.Offset), x.RecordedAt)
		b = appendBlob(b, appendQuarantined(nil, &x.Entry))
		b = appendBody(b, &x.Entry.Body)
	}
	if format == rowsFormat {
		return b
	}
	b = appendUint(b, len(r.Outgoing))
	for i := range r.Outgoing {
		b = appendOutgoing(b, &r.Outgoing[i])
	}
	for i := 0; i < len(roots) && format == rowsWithRoots; i++ {
		b = appendText(b, string(roots[i]))
	}
	return b
}

func appendBody(b []byte, x *Body) []byte {
	return appendBlob(appendText(appendText(b, x.Codec), x.KeyID), x.Bytes)
}

func (d *decoder) body() Body { return Body{Codec: d.text(), KeyID: d.text(), Bytes: d.blob()} }

func appendHistoryRow(b []byte, x *HistoryRow) []byte {
	b = appendInt(appendInt(appendUint(b, x.Seq), x.Offset), x.RecordedAt)
	b = append(appendText(b, string(x.Order)), byte(x.Outcome))
	if x.Fact != nil {
		return appendBlob(append(b, 'f'), appendFact(nil, x.Fact))
	}
	b = append(b, 'e')
	b = appendEvent(b, x.Event)
	b = appendInt(appendInt(appendInt(b, x.Event.ReceivedAt), x.Event.AskedAt), x.Event.PrevAsked)
	b = appendUint(b, len(x.States))
	for _, s := range x.States {
		b = append(b, byte(s))
	}
	return appendBody(b, &x.Body)
}

func appendSummary(b []byte, s *Summary) []byte {
	b = appendInt(appendInt(appendText(b, string(s.Key)), s.Created), s.Updated)
	b = appendUint(appendUint(appendUint(appendUint(b, s.Events), s.Open), s.Shelved), s.Policy)
	b = appendUint(b, len(s.Cells))
	for i := range s.Cells {
		c := &s.Cells[i]
		b = append(appendText(b, string(c.Source)), byte(c.Axis), byte(c.State))
		b = append(appendInt(appendWithin(b, c.Since), c.At), c.By[:]...)
	}
	b = appendUint(b, len(s.Sums))
	for i := range s.Sums {
		x := &s.Sums[i]
		b = append(appendText(b, string(x.Source)), byte(x.Kind), boolByte(x.Mixed))
		b = appendText(appendInt(b, x.Money.Minor), x.Money.Currency)
	}
	return b
}

func (d *decoder) summary() Summary {
	s := Summary{Key: OrderKey(d.text()), Created: d.instant(), Updated: d.instant(), Events: d.uint(), Open: uint32(d.uint()),
		Shelved: uint32(d.uint()), Policy: d.uint()}
	for n := d.count(); n > 0; n-- {
		c := CellView{Source: Source(d.text()), Axis: Axis(d.byte()), State: State(d.byte()), Since: d.within(), At: d.instant()}
		d.fixed(c.By[:])
		s.Cells = append(s.Cells, c)
	}
	for n := d.count(); n > 0; n-- {
		x := SumView{Source: Source(d.text()), Kind: AmountKind(d.byte()), Mixed: d.bool()}
		x.Money = Money{d.int(), d.text()}
		s.Sums = append(s.Sums, x)
	}
	return s
}

// DecodeRows reads what EncodeRows wrote. The rows may share memory with b.
func DecodeRows(b []byte) (*Rows, error) { return decodeRows(&decoder{b: b}) }

// DecodeFewRows is DecodeRows without histories and states of orders, which are
// most of a batch and which few readers want.
func DecodeFewRows(b []byte) (*Rows, error) { return decodeRows(&decoder{b: b, skim: &Event{}}) }

func decodeRows(d *decoder) (*Rows, error) {
	spare := d.skim
	format := d.byte()
	if format < rowsFormat || format > rowsWithRoots {
		d.fail("rows format")
	}
	r := &Rows{}
	for n := d.count(); n > 0; n-- {
		if x := d.historyRow(); d.skim == nil {
			r.History = append(r.History, x)
		}
	}
	d.skim = nil
	for n := d.count(); n > 0; n-- {
		x := ExceptionRow{Seq: d.uint(), Offset: d.int(), RecordedAt: d.instant(), Change: FactKind(d.byte())}
		e, err := DecodeException(d.blob())
		if err != nil {
			return nil, err
		}
		x.Exception = *e
		r.Exceptions = append(r.Exceptions, x)
	}
	d.skim = spare
	orders := d.count()
	for range orders {
		if x := (OrderRow{Seq: d.uint(), Offset: d.int(), RecordedAt: d.instant(), Summary: d.summary()}); spare == nil {
			r.Orders = append(r.Orders, x)
		}
	}
	d.skim = nil
	for n := d.count(); n > 0; n-- {
		x := QuarantineRow{Seq: d.uint(), Offset: d.int(), RecordedAt: d.instant()}
		q, err := decodeQuarantined(d.blob())
		if err != nil {
			return nil, err
		}
		x.Entry, x.Entry.Body = q, d.body()
		r.Quarantine = append(r.Quarantine, x)
	}
	if format >= rowsWithOutgoing {
		for n := d.count(); n > 0; n-- {
			r.Outgoing = append(r.Outgoing, d.outgoing())
		}
	}
	if format == rowsWithRoots {
		for i := range orders {
			if root := OrderKey(d.text()); spare == nil {
				r.Orders[i].Summary.MergedInto = root
			}
		}
		for i := range r.Exceptions {
			r.Exceptions[i].Exception.MovedTo = OrderKey(d.text())
		}
	}
	return r, d.end("rows")
}

func (d *decoder) historyRow() HistoryRow {
	x := HistoryRow{Seq: d.uint(), Offset: d.int(), RecordedAt: d.instant(), Order: OrderKey(d.text()), Outcome: Outcome(d.byte())}
	if d.byte() == 'f' {
		b := d.blob()
		if d.skim != nil {
			return x
		}
		f, err := decodeFact(b)
		if err != nil {
			d.fail("fact")
		}
		x.Fact = &f
		return x
	}
	x.Event = d.event()
	x.Event.ReceivedAt, x.Event.AskedAt, x.Event.PrevAsked = d.instant(), d.instant(), d.instant()
	for n := d.count(); n > 0; n-- {
		x.States = append(x.States, State(d.byte()))
	}
	x.Body = d.body()
	return x
}
