//! What is read from a request before it is served.

use std::net::{IpAddr, SocketAddr};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request};
use scouter_core::plugin::{self, Hooks, Reject, RequestView};
use scouter_core::propagation::{
    TraceContext, note_ignored_header, parse_b3_multi, parse_b3_single, parse_tenant,
    parse_traceparent, parse_x_scouter,
};
use scouter_core::{Begin, Field, TextId, TextKind, Transaction, current, intern, live};

use super::end::Serving;
use super::layer::ServerOptions;
use super::name::{self, RequestHead};
use super::served;
use crate::text::{MAX_KEPT_BYTES, StackText};

/// Longest `x-forwarded-for` list that is read, in bytes; a longer one is ignored.
const MAX_FORWARDED_FOR_BYTES: usize = 1024;
/// Longest address in text: IPv6 with an embedded IPv4 address.
const MAX_ADDRESS_TEXT_BYTES: usize = 45;
/// Stands for a repeated `traceparent`, so that it is refused and counted like any malformed one.
const REPEATED: &[u8] = b"repeated";

/// The address of the TCP peer, for servers without axum's `ConnectInfo`.
///
/// Put it on each request as an extension; without it no peer is trusted (unless all are) and no
/// client address is stored.
///
/// # Examples
/// ```
/// use scouter_tower::PeerAddr;
/// # let peer: std::net::SocketAddr = ([127, 0, 0, 1], 4000).into();
/// let request = http::Request::get("/").extension(PeerAddr(peer)).body(());
/// # drop(request);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// What becomes of a request.
pub(crate) enum Begun {
    /// Ignored, switched off, or already recorded by an outer layer.
    Unrecorded,
    /// It is a transaction.
    Serving(Serving),
    /// It is a transaction that a plugin refused to let in.
    Rejected(Serving, Reject),
}

pub(crate) fn begin<B>(options: &ServerOptions, request: &Request<B>) -> Begun {
    if served::is_inside() {
        if let Some(service) = named(options, request) {
            current::set_service(service);
        }
        return Begun::Unrecorded;
    }
    if options.ignores(request.uri().path()) {
        return Begun::Unrecorded;
    }
    let peer = peer_of(request.extensions());
    let is_trusted = options.trust().trusts(peer);
    let inbound = Inbound::read(request.headers(), &options.tenant_header);
    // A request made inside our own process without headers still belongs to its caller.
    let context = inbound.context(is_trusted).or_else(current::context);

    let service = named(options, request);
    let name = service.unwrap_or_else(|| name::unmatched(request.method()));
    let transaction = Transaction::begin(Begin::new(name).context(context.as_ref()));
    if !transaction.is_recording() {
        return Begun::Unrecorded;
    }
    if service.is_none() {
        transaction.tag("path", request.uri().path());
    }
    inbound.describe(&transaction, options, peer, is_trusted);
    let serving = Serving::new(transaction, options.slow);
    match rejected(request) {
        None => Begun::Serving(serving),
        Some(reject) => Begun::Rejected(serving, reject),
    }
}

/// Asks the plugins; costs one relaxed load when none wants to be asked.
fn rejected<B>(request: &Request<B>) -> Option<Reject> {
    if !plugin::has(Hooks::REJECT) {
        return None;
    }
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    plugin::reject(&RequestView::new(
        request.method().as_str(),
        request.uri().path(),
        live::active_count(),
        &header,
    ))
}

fn named<B>(options: &ServerOptions, request: &Request<B>) -> Option<TextId> {
    let head = RequestHead::of(request);
    if let Some(name_with) = &options.name_with
        && let Some(name) = name_with(&head)
    {
        return Some(intern(TextKind::Service, &name));
    }
    head.matched_path().map(|template| name::matched(head.method, template))
}

fn peer_of(extensions: &Extensions) -> Option<IpAddr> {
    #[cfg(feature = "axum")]
    if let Some(info) = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
        return Some(info.0.ip());
    }
    extensions.get::<PeerAddr>().map(|peer| peer.0.ip())
}

/// The headers we know, found in one pass over the map.
#[derive(Debug, Default)]
struct Inbound<'a> {
    traceparent: Option<&'a [u8]>,
    tracestate: Option<&'a [u8]>,
    scouter_gxid: Option<&'a [u8]>,
    scouter_caller: Option<&'a [u8]>,
    b3: Option<&'a [u8]>,
    b3_trace: Option<&'a [u8]>,
    b3_span: Option<&'a [u8]>,
    b3_sampled: Option<&'a [u8]>,
    baggage: Option<&'a [u8]>,
    tenant: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    forwarded_for: Option<&'a [u8]>,
}

impl<'a> Inbound<'a> {
    fn read(headers: &'a HeaderMap, tenant_header: &HeaderName) -> Self {
        let mut own = Self::default();
        for (name, value) in headers {
            let place = match name.as_str() {
                "traceparent" => {
                    // Two of them contradict one another: neither is believed (W3C).
                    own.traceparent =
                        Some(if own.traceparent.is_some() { REPEATED } else { value.as_bytes() });
                    continue;
                }
                "tracestate" => &mut own.tracestate,
                "x-scouter-gxid" => &mut own.scouter_gxid,
                "x-scouter-caller" => &mut own.scouter_caller,
                "b3" => &mut own.b3,
                "x-b3-traceid" => &mut own.b3_trace,
                "x-b3-spanid" => &mut own.b3_span,
                "x-b3-sampled" => &mut own.b3_sampled,
                "baggage" => &mut own.baggage,
                "user-agent" => &mut own.user_agent,
                "x-forwarded-for" => &mut own.forwarded_for,
                _ if name == tenant_header => &mut own.tenant,
                _ => continue,
            };
            // Of a repeated header the first one counts.
            place.get_or_insert(value.as_bytes());
        }
        own
    }

    /// The trace the caller belongs to; the first well-formed one in the order of the formats.
    fn context(&self, is_trusted: bool) -> Option<TraceContext> {
        let w3c = self.traceparent.and_then(parse_traceparent);
        let is_w3c = w3c.is_some();
        let mut context = w3c
            .or_else(|| parse_x_scouter(self.scouter_gxid?, self.scouter_caller))
            .or_else(|| self.b3.and_then(parse_b3_single))
            .or_else(|| parse_b3_multi(self.b3_trace?, self.b3_span?, self.b3_sampled))?;
        if let Some(tracestate) = self.tracestate.filter(|_| is_w3c) {
            context = context.with_tracestate(tracestate);
        }
        if let Some(baggage) = self.baggage.filter(|_| is_trusted) {
            context = context.with_baggage(baggage);
        }
        Some(context)
    }

    /// Writes on the transaction who is asking.
    fn describe(
        &self,
        transaction: &Transaction,
        options: &ServerOptions,
        peer: Option<IpAddr>,
        is_trusted: bool,
    ) {
        if is_trusted && let Some(tenant) = self.tenant.and_then(parse_tenant) {
            transaction.set_text(Field::Tenant, tenant);
        }
        let forwarded = self.forwarded_for.filter(|_| is_trusted);
        let client = forwarded.and_then(|list| forwarded_client(options, list)).or(peer);
        if let Some(client) = client {
            let text = StackText::<MAX_ADDRESS_TEXT_BYTES>::of(&client);
            transaction.set_text(Field::Ip, text.as_str());
        }
        if options.stores_user_agent
            && let Some(user_agent) = self.user_agent.and_then(|agent| readable(agent))
        {
            transaction.set_text(Field::UserAgent, user_agent);
        }
    }
}

fn forwarded_client(options: &ServerOptions, list: &[u8]) -> Option<IpAddr> {
    let is_oversized = list.len() > MAX_FORWARDED_FOR_BYTES;
    let client = if is_oversized {
        None
    } else {
        str::from_utf8(list).ok().and_then(|list| options.trust().client_of(list))
    };
    if client.is_none() {
        note_ignored_header(is_oversized);
    }
    client
}

/// The part of a header that the recorder could keep, as text.
fn readable(header: &[u8]) -> Option<&str> {
    let kept = &header[..header.len().min(MAX_KEPT_BYTES)];
    match str::from_utf8(kept) {
        Ok(text) => Some(text),
        // Cut within a character: what stands before it is good.
        Err(error) => str::from_utf8(&kept[..error.valid_up_to()]).ok(),
    }
}
