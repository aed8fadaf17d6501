//! The headers an outbound call carries.

use http::{HeaderMap, HeaderName, HeaderValue};
use scouter_core::Txid;
use scouter_core::current;
use scouter_core::options::{
    TRACE_PROPAGATE_B3_HEADER, TRACE_PROPAGATE_B3_MULTI_HEADER, TRACE_PROPAGATE_SCOUTER_HEADER,
};
use scouter_core::propagation::{
    Hexa32, KEEP_HEADER, format_b3_multi, format_b3_single, format_traceparent, format_x_scouter,
    note_withheld,
};

use super::layer::ClientOptions;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const B3: HeaderName = HeaderName::from_static("b3");
const B3_TRACE: HeaderName = HeaderName::from_static("x-b3-traceid");
const B3_SPAN: HeaderName = HeaderName::from_static("x-b3-spanid");
const B3_SAMPLED: HeaderName = HeaderName::from_static("x-b3-sampled");
const B3_FLAGS: HeaderName = HeaderName::from_static("x-b3-flags");
const KEEP: HeaderName = HeaderName::from_static(KEEP_HEADER);
const SCOUTER_GXID: HeaderName = HeaderName::from_static("x-scouter-gxid");
const SCOUTER_CALLER: HeaderName = HeaderName::from_static("x-scouter-caller");
const SCOUTER_CALLEE: HeaderName = HeaderName::from_static("x-scouter-callee");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// What becomes of tenant and baggage at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TenantBound {
    /// They go along.
    Sent,
    /// The host is listed, but nobody knows where its answer may send the client.
    Withheld,
    /// The host is not listed.
    Kept,
}

/// What a request carries now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// Whether it holds what a host off the list must not see.
    pub(crate) has_tenant_bound: bool,
    /// The txid that the callee is asked to use.
    pub(crate) callee: Option<Txid>,
}

/// Writes the context of the current transaction. What the caller wrote himself stays; with a
/// `traceparent` of his own, the other trace headers are his as well.
pub(crate) fn write(
    headers: &mut HeaderMap,
    options: &ClientOptions,
    bound: TenantBound,
) -> Written {
    let callee = write_trace(headers);
    let has_tenant_bound = match bound {
        TenantBound::Sent => {
            write_tenant(headers, options);
            headers.contains_key(BAGGAGE) || headers.contains_key(&options.tenant_header)
        }
        TenantBound::Withheld => {
            let has_baggage = current::context().is_some_and(|context| context.baggage().is_some());
            if has_baggage || !current::tenant_string().is_empty() {
                note_withheld();
            }
            false
        }
        TenantBound::Kept => false,
    };
    Written { has_tenant_bound, callee }
}

/// Writes the ids. Answers the txid that the callee is asked to use, if it is.
fn write_trace(headers: &mut HeaderMap) -> Option<Txid> {
    let (context, txid) = (current::context()?, current::txid()?);
    let mut callee = None;
    if !headers.contains_key(TRACEPARENT) {
        put(headers, TRACEPARENT, &format_traceparent(&context, txid));
        if let Some(tracestate) = context.tracestate()
            && !headers.contains_key(TRACESTATE)
        {
            put(headers, TRACESTATE, tracestate.as_bytes());
        }
        if TRACE_PROPAGATE_B3_HEADER.value() && !headers.contains_key(B3) {
            put(headers, B3, &format_b3_single(&context, txid));
        }
        if TRACE_PROPAGATE_B3_MULTI_HEADER.value() && !headers.contains_key(B3_TRACE) {
            let (trace, span, sampled) = format_b3_multi(&context, txid);
            put(headers, B3_TRACE, &trace);
            put(headers, B3_SPAN, &span);
            put(headers, B3_SAMPLED, &sampled);
            if context.forced {
                put(headers, B3_FLAGS, b"1");
            }
        }
        if context.forced && !headers.contains_key(KEEP) {
            put(headers, KEEP, b"1");
        }
        if TRACE_PROPAGATE_SCOUTER_HEADER.value() && !headers.contains_key(SCOUTER_GXID) {
            let (gxid, caller) = format_x_scouter(&context, txid);
            put(headers, SCOUTER_GXID, gxid.to_string().as_bytes());
            put(headers, SCOUTER_CALLER, caller.to_string().as_bytes());
            callee = current::txid_for_callee();
            if let Some(callee) = callee {
                let callee = Hexa32(callee.value().cast_signed());
                put(headers, SCOUTER_CALLEE, callee.to_string().as_bytes());
            }
        }
    }
    callee
}

fn write_tenant(headers: &mut HeaderMap, options: &ClientOptions) {
    let Some(context) = current::context() else { return };
    if let Some(baggage) = context.baggage()
        && !headers.contains_key(BAGGAGE)
    {
        put(headers, BAGGAGE, baggage.as_bytes());
    }
    if !headers.contains_key(&options.tenant_header) {
        let tenant = current::tenant_string();
        if !tenant.is_empty() {
            put(headers, options.tenant_header.clone(), tenant.as_bytes());
        }
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    // A tenant set by the application may hold what no header can; it is not sent then.
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.insert(name, value);
    }
}
