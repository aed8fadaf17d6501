//! The headers an outbound call carries.

use http::{HeaderMap, HeaderName, HeaderValue};
use scouter_core::current;
use scouter_core::options::{TRACE_PROPAGATE_B3_HEADER, TRACE_PROPAGATE_SCOUTER_HEADER};
use scouter_core::propagation::{format_b3_single, format_traceparent, format_x_scouter};

use super::layer::ClientOptions;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const B3: HeaderName = HeaderName::from_static("b3");
const SCOUTER_GXID: HeaderName = HeaderName::from_static("x-scouter-gxid");
const SCOUTER_CALLER: HeaderName = HeaderName::from_static("x-scouter-caller");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// Writes the context of the current transaction. What the caller wrote himself stays; with a
/// `traceparent` of his own, the other trace headers are his as well.
pub(crate) fn write(headers: &mut HeaderMap, options: &ClientOptions, may_send_tenant: bool) {
    let (Some(context), Some(txid)) = (current::context(), current::txid()) else { return };
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
        if TRACE_PROPAGATE_SCOUTER_HEADER.value() && !headers.contains_key(SCOUTER_GXID) {
            let (gxid, caller) = format_x_scouter(&context, txid);
            put(headers, SCOUTER_GXID, gxid.to_string().as_bytes());
            put(headers, SCOUTER_CALLER, caller.to_string().as_bytes());
        }
    }
    if !may_send_tenant {
        return;
    }
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
