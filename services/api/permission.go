package api

import (
	"strings"

	orderledgerv1 "github.com/orderledger/orderledger/proto/gen/orderledger/v1"
)

// rule says what a method needs. Anyone: it needs no credential at all.
type rule struct {
	scope  Scope
	anyone bool
	// noDeadline: the method is a unary call that may come without a deadline.
	noDeadline bool
}

// rules is the permission of every method. What does not stand here is denied.
var rules = map[string]rule{
	orderledgerv1.OrderService_GetOrder_FullMethodName:                    {scope: ScopeRead},
	orderledgerv1.OrderService_LookupOrder_FullMethodName:                 {scope: ScopeRead},
	orderledgerv1.OrderService_ListOrders_FullMethodName:                  {scope: ScopeRead},
	orderledgerv1.OrderService_GetTimeline_FullMethodName:                 {scope: ScopeRead},
	orderledgerv1.OrderService_WatchOrder_FullMethodName:                  {scope: ScopeRead},
	orderledgerv1.OrderService_ExplainOrder_FullMethodName:                {scope: ScopeRead},
	orderledgerv1.OrderService_MergeOrders_FullMethodName:                 {scope: ScopeAct},
	orderledgerv1.OrderService_SplitOrders_FullMethodName:                 {scope: ScopeAct},
	orderledgerv1.ExceptionService_GetException_FullMethodName:            {scope: ScopeRead},
	orderledgerv1.ExceptionService_ListExceptions_FullMethodName:          {scope: ScopeRead},
	orderledgerv1.ExceptionService_WatchExceptions_FullMethodName:         {scope: ScopeRead},
	orderledgerv1.ExceptionService_AcknowledgeException_FullMethodName:    {scope: ScopeAct},
	orderledgerv1.ExceptionService_AssignException_FullMethodName:         {scope: ScopeAct},
	orderledgerv1.ExceptionService_SnoozeException_FullMethodName:         {scope: ScopeAct},
	orderledgerv1.ExceptionService_CommentException_FullMethodName:        {scope: ScopeAct},
	orderledgerv1.ExceptionService_ResolveException_FullMethodName:        {scope: ScopeAct},
	orderledgerv1.ExceptionService_MarkFalsePositive_FullMethodName:       {scope: ScopeAct},
	orderledgerv1.SourceService_GetSource_FullMethodName:                  {scope: ScopeRead},
	orderledgerv1.SourceService_ListSources_FullMethodName:                {scope: ScopeRead},
	orderledgerv1.SourceService_MuteSource_FullMethodName:                 {scope: ScopeAct},
	orderledgerv1.SourceService_UnmuteSource_FullMethodName:               {scope: ScopeAct},
	orderledgerv1.QuarantineService_GetQuarantineEntry_FullMethodName:     {scope: ScopeRead},
	orderledgerv1.QuarantineService_ListQuarantineEntries_FullMethodName:  {scope: ScopeRead},
	orderledgerv1.QuarantineService_ReleaseQuarantineEntry_FullMethodName: {scope: ScopeAct},
	orderledgerv1.PolicyService_GetPolicy_FullMethodName:                  {scope: ScopeRead},
	orderledgerv1.PolicyService_ProposePolicy_FullMethodName:              {scope: ScopePolicy},
	orderledgerv1.AuditService_GetDigest_FullMethodName:                   {scope: ScopeRead},
	orderledgerv1.AuditService_ListStateEntries_FullMethodName:            {scope: ScopeRead},
	orderledgerv1.AuditService_GetStateEntry_FullMethodName:               {scope: ScopeRead},
	orderledgerv1.AuditService_ListAuditFindings_FullMethodName:           {scope: ScopeRead},

	"/grpc.health.v1.Health/Check":                                   {anyone: true, noDeadline: true},
	"/grpc.health.v1.Health/List":                                    {anyone: true, noDeadline: true},
	"/grpc.health.v1.Health/Watch":                                   {anyone: true},
	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      {anyone: true},
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": {anyone: true},
}

// methodName is the short name of a method, "Service/Method".
func methodName(full string) string {
	full = strings.TrimPrefix(full, "/")
	if i := strings.LastIndexByte(full[:max(strings.IndexByte(full, '/'), 0)], '.'); i >= 0 {
		return full[i+1:]
	}
	return full
}

// Ruled reports whether a method has a permission rule.
func Ruled(fullMethod string) bool {
	_, ok := rules[fullMethod]
	return ok
}
