//! Whatever comes as a header of a trace: no parser panics or believes nonsense, and what one
//! writes it reads.

use proptest::prelude::*;
use scouter_core::propagation::{
    Hexa32, MAX_BAGGAGE_BYTES, MAX_ID_HEADER_BYTES, MAX_TENANT_BYTES, MAX_TRACESTATE_BYTES,
    TraceContext, TraceHeaders, extract, extract_trusted, format_b3_multi, format_b3_single,
    format_traceparent, format_x_scouter, parse_b3_multi, parse_b3_single, parse_tenant,
    parse_traceparent, parse_x_scouter, parse_x_scouter_callee,
};
use scouter_core::{Gxid, Txid};

const NAMES: [&str; 12] = [
    "traceparent",
    "tracestate",
    "baggage",
    "x-scouter-gxid",
    "x-scouter-caller",
    "x-scouter-callee",
    "x-scouter-keep",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
];

fn ids() -> impl Strategy<Value = (Gxid, Txid)> {
    (any::<u128>(), any::<u64>()).prop_filter_map("ids are not zero", |(gxid, txid)| {
        Some((Gxid::new(gxid)?, Txid::new(txid)?))
    })
}

fn context() -> impl Strategy<Value = (TraceContext, Txid)> {
    (ids(), any::<bool>())
        .prop_map(|((gxid, txid), sampled)| (TraceContext::new(gxid, Some(txid), sampled), txid))
}

/// Bytes that are nonsense, and bytes that are nearly right: a good header with one byte changed,
/// cut off or added.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let near = (context(), 0..4_u8, any::<prop::sample::Index>(), any::<u8>(), 0..4_u8).prop_map(
        |((context, txid), form, at, byte, change)| {
            let (gxid, _) = format_x_scouter(&context, txid);
            let mut text = match form {
                0 => format_traceparent(&context, txid).to_vec(),
                1 => format_b3_single(&context, txid).to_vec(),
                2 => format_b3_multi(&context, txid).0.to_vec(),
                _ => gxid.to_string().into_bytes(),
            };
            let at = at.index(text.len());
            match change {
                0 => text[at] = byte,
                1 => text.truncate(at),
                2 => text.insert(at, byte),
                _ => {}
            }
            text
        },
    );
    prop_oneof![
        near,
        proptest::collection::vec(any::<u8>(), 0..200),
        "[0-9a-fxz-]{0,60}".prop_map(String::into_bytes),
        (MAX_ID_HEADER_BYTES - 1..MAX_BAGGAGE_BYTES + 2).prop_map(|bytes| vec![b'1'; bytes]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_format_reads_back_what_it_wrote((context, txid) in context(), is_forced in any::<bool>()) {
        prop_assert_eq!(parse_traceparent(&format_traceparent(&context, txid)), Some(context.clone()));

        let (trace, span, sampled) = format_b3_multi(&context, txid);
        prop_assert_eq!(parse_b3_multi(&trace, &span, Some(&sampled)), Some(context.clone()));

        // A debug trace is sampled: that is what `d` stands for.
        let mut asked = context.clone().with_forced(is_forced);
        asked.sampled |= is_forced;
        prop_assert_eq!(parse_b3_single(&format_b3_single(&asked, txid)), Some(asked));
    }

    #[test]
    fn scouters_ids_read_back_with_the_low_half_of_the_trace((context, txid) in context()) {
        let (gxid, caller) = format_x_scouter(&context, txid);
        let low = Gxid::new(context.gxid.value() & u128::from(u64::MAX));
        let read = parse_x_scouter(gxid.to_string().as_bytes(), Some(caller.to_string().as_bytes()));
        prop_assert_eq!(read.as_ref().map(|read| read.gxid), low);
        prop_assert_eq!(read.map(|read| read.caller), low.map(|_| Some(txid)));
    }

    #[test]
    fn every_number_of_64_bits_reads_back_from_hexa32(number in any::<i64>()) {
        let text = Hexa32(number).to_string();
        prop_assert!(text.len() <= 14, "{}", text);
        let read = parse_x_scouter_callee(text.as_bytes());
        prop_assert_eq!(read, Txid::new(number.cast_unsigned()));
    }

    #[test]
    fn a_header_that_is_read_says_what_it_would_be_written_as(header in header()) {
        let trimmed = header.trim_ascii();
        if let Some(context) = parse_traceparent(&header) {
            let written = format_traceparent(&context, context.caller.unwrap());
            // All but the version and the flags that nobody knows yet.
            prop_assert_eq!(&written[3..52], &trimmed[3..52]);
        }
        if let Some(context) = parse_b3_single(&header) {
            let written = format_b3_single(&context, context.caller.unwrap());
            let (trace, span) = (trimmed.split(|byte| *byte == b'-').next().unwrap(), &written[33..49]);
            prop_assert!(written[..32].ends_with(&trace.to_ascii_lowercase()));
            let lower = trimmed.to_ascii_lowercase();
            prop_assert_eq!(&lower[trace.len() + 1..trace.len() + 17], span);
        }
        if header.trim_ascii().len() > MAX_ID_HEADER_BYTES {
            prop_assert_eq!(parse_traceparent(&header), None);
            prop_assert_eq!(parse_b3_single(&header), None);
            prop_assert_eq!(parse_x_scouter_callee(&header), None);
        }
    }

    #[test]
    fn whatever_comes_is_ignored_or_kept_verbatim_within_its_limit(
        headers in proptest::collection::vec((0..NAMES.len(), header()), 0..12),
    ) {
        let pairs = || headers.iter().map(|(name, value)| (NAMES[*name], value.as_slice()));
        let untrusted = extract(pairs());
        let trusted = extract_trusted(pairs());
        prop_assert_eq!(untrusted.is_some(), trusted.is_some());
        if let Some(context) = &untrusted {
            prop_assert!(!context.forced && context.callee.is_none() && context.baggage().is_none());
        }
        if let Some(context) = &trusted {
            let came = |name: &str, text: &str| {
                pairs().any(|(known, value)| known == name && value.trim_ascii() == text.as_bytes())
            };
            for (name, text, limit) in [
                ("tracestate", context.tracestate(), MAX_TRACESTATE_BYTES),
                ("baggage", context.baggage(), MAX_BAGGAGE_BYTES),
            ] {
                prop_assert!(text.is_none_or(|text| text.len() <= limit && came(name, text)));
            }
        }
        let mut collected = TraceHeaders::default();
        for (name, value) in pairs() {
            collected.put(name, value);
        }
        let ids = |context: TraceContext| (context.gxid, context.caller);
        prop_assert_eq!(collected.context(false, |context| context).map(ids), untrusted.map(ids));
    }

    #[test]
    fn a_tenant_is_visible_text_within_its_limit(header in header()) {
        if let Some(tenant) = parse_tenant(&header) {
            prop_assert!((1..=MAX_TENANT_BYTES).contains(&tenant.len()));
            prop_assert!(!tenant.chars().any(char::is_control));
            prop_assert_eq!(tenant.as_bytes(), header.trim_ascii());
        }
    }
}
