package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/orderledger/orderledger/services/engine"
	"github.com/orderledger/orderledger/services/kafkalog"
)

// domain stands in every ErrorInfo.
const domain = "orderledger"

// Reason is the machine-readable cause of an error. Reasons are stable and
// documented in proto/README.md.
type Reason string

// The reasons.
const (
	OrderNotFound           Reason = "ORDER_NOT_FOUND"
	AliasAmbiguous          Reason = "ALIAS_AMBIGUOUS"
	HashKeyMissing          Reason = "HASH_KEY_MISSING"
	InvalidOrderKey         Reason = "INVALID_ORDER_KEY"
	ExceptionNotFound       Reason = "EXCEPTION_NOT_FOUND"
	SourceNotFound          Reason = "SOURCE_NOT_FOUND"
	QuarantineEntryNotFound Reason = "QUARANTINE_ENTRY_NOT_FOUND"
	PolicyNotFound          Reason = "POLICY_NOT_FOUND"
	InvalidField            Reason = "INVALID_FIELD"
	InvalidFilter           Reason = "INVALID_FILTER"
	InvalidOrderBy          Reason = "INVALID_ORDER_BY"
	InvalidPageToken        Reason = "INVALID_PAGE_TOKEN"
	PageTokenMismatch       Reason = "PAGE_TOKEN_MISMATCH"
	InvalidResumeToken      Reason = "INVALID_RESUME_TOKEN"
	RequestIDReused         Reason = "REQUEST_ID_REUSED"
	AlreadyMerged           Reason = "ALREADY_MERGED"
	NotMerged               Reason = "NOT_MERGED"
	NotMuted                Reason = "NOT_MUTED"
	NotReady                Reason = "NOT_READY"
	LogUnavailable          Reason = "LOG_UNAVAILABLE"
	OutcomeUnknown          Reason = "OUTCOME_UNKNOWN"
	Unauthenticated         Reason = "UNAUTHENTICATED"
	PermissionDenied        Reason = "PERMISSION_DENIED"
	RateLimited             Reason = "RATE_LIMITED"
	DeadlineRequired        Reason = "DEADLINE_REQUIRED"
	Internal                Reason = "INTERNAL"
)

var reasonCodes = map[Reason]codes.Code{
	AlreadyMerged: codes.FailedPrecondition, NotMerged: codes.FailedPrecondition, NotMuted: codes.FailedPrecondition,
	OrderNotFound: codes.NotFound, ExceptionNotFound: codes.NotFound, SourceNotFound: codes.NotFound, QuarantineEntryNotFound: codes.NotFound,
	PolicyNotFound: codes.NotFound, AliasAmbiguous: codes.FailedPrecondition, HashKeyMissing: codes.FailedPrecondition, InvalidOrderKey: codes.InvalidArgument,
	InvalidField: codes.InvalidArgument, InvalidFilter: codes.InvalidArgument, InvalidOrderBy: codes.InvalidArgument,
	InvalidPageToken: codes.InvalidArgument, PageTokenMismatch: codes.InvalidArgument, InvalidResumeToken: codes.InvalidArgument,
	DeadlineRequired: codes.InvalidArgument, RequestIDReused: codes.AlreadyExists, NotReady: codes.Unavailable, LogUnavailable: codes.Unavailable,
	OutcomeUnknown: codes.DeadlineExceeded, Unauthenticated: codes.Unauthenticated, PermissionDenied: codes.PermissionDenied,
	RateLimited: codes.ResourceExhausted, Internal: codes.Internal,
}

// Code is the gRPC code of a reason.
func (r Reason) Code() codes.Code { return reasonCodes[r] }

// retryAfter is what UNAVAILABLE answers suggest to wait.
const retryAfter = time.Second

// Error is an answer that is an error. It becomes a status with one ErrorInfo.
type Error struct {
	Reason   Reason
	Message  string
	Metadata map[string]string
	// Field names the request's field at fault, if one is.
	Field string
	// Retry is how long to wait before trying again; 0 means a second, where
	// trying again helps.
	Retry time.Duration
	err   error
}

// Error returns the message, which says what to do.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// fail makes an error; with are key, value, key, value … of its metadata.
func fail(r Reason, message string, with ...string) *Error {
	e := &Error{Reason: r, Message: message}
	if len(with) > 1 {
		e.Metadata = map[string]string{}
		for i := 0; i+1 < len(with); i += 2 {
			e.Metadata[with[i]] = with[i+1]
		}
	}
	return e
}

// invalid makes an INVALID_FIELD error.
func invalid(field, format string, args ...any) *Error {
	e := fail(InvalidField, field+": "+fmt.Sprintf(format, args...))
	e.Field = field
	return e
}

// GRPCStatus implements what grpc-go asks of errors.
func (e *Error) GRPCStatus() *status.Status {
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: string(e.Reason), Domain: domain, Metadata: e.Metadata}}
	if e.Field != "" {
		details = append(details, &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: e.Field, Description: e.Message}}})
	}
	if c := e.Reason.Code(); c == codes.Unavailable || c == codes.ResourceExhausted {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(cmp.Or(e.Retry, retryAfter))})
	}
	s, err := status.New(e.Reason.Code(), e.Message).WithDetails(details...)
	if err != nil {
		return status.New(codes.Internal, e.Message)
	}
	return s
}

// answerError is the one mapping from what can go wrong to what is answered.
// Errors that nobody foresaw become INTERNAL: their text stays in the log.
func answerError(err error, trace string) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, engine.ErrNotCaughtUp):
		return &Error{Reason: NotReady, Message: "the ledger has not folded far enough yet: try again", err: err}
	case errors.Is(err, engine.ErrClosed):
		return &Error{Reason: NotReady, Message: "the server is stopping: ask again", err: err}
	case errors.Is(err, kafkalog.ErrBackPressure), errors.Is(err, kafkalog.ErrClosed):
		return &Error{Reason: LogUnavailable, Message: "the log does not take records at the moment: try again with the same request_id", err: err}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Reason: NotReady, Message: "the answer was not ready before the deadline: try again, or ask for less", err: err}
	default:
		return &Error{Reason: Internal, Message: "a defect of ours: report it with the trace id", Metadata: map[string]string{"trace_id": trace}, err: err}
	}
}
