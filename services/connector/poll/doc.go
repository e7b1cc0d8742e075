// Package poll reads change lists of outside systems and proves what it heard.
//
// A poll reads everything changed since (the first asking of the last poll
// whose last page was acknowledged − settle − precision), without upper bound,
// and emits at once what each page shows. When its last page is acknowledged,
// the feed is covered until (the instant its first page was asked − settle): a
// record not visible to this poll is stamped later than where the next begins
// (S-17). The status that says so is saved only after every record it covers is
// in the log (S-18).
//
// The reader is a chain of pure steps over a small progress value — plan,
// question, page, acknowledge — with one thin driver (Poller.Step) that asks,
// appends and saves between them. Killing it between any two loses nothing: what
// was not saved is read again, and a second copy of an event takes no effect.
package poll
