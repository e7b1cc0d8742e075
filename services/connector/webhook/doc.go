// Package webhook receives what outside systems push: POST /webhooks/{source}.
//
// A delivery is read once, raw and bounded; its signature is checked on those
// bytes before anything is parsed; what is authentic is mapped, appended and
// only then acknowledged. The append runs under the server's context, so that a
// sender hanging up cannot undo what it was never told about.
//
// Answers: 2xx durable (also for what was quarantined or is foreign) · 401
// anything unauthentic, always the same · 408 body too slow · 413 too large ·
// 415 not UTF-8 JSON · 429 too much of this source in flight · 503 the log takes
// nothing right now. Never 410, and never 4xx for a fault of ours.
package webhook
