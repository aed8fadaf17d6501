//! What is read from a request before it is served.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request};
use scouter_core::plugin::{self, Hooks, Reject, RequestView};
use scouter_core::propagation::{
    MAX_BAGGAGE_BYTES, MAX_ID_HEADER_BYTES, MAX_TRACESTATE_BYTES, TraceContext, TraceHeaders,
    note_ignored_header, parse_tenant,
};
use scouter_core::telemetry::{Noted, note};
use scouter_core::{Begin, Field, TextId, TextKind, Transaction, clock, current, intern, live};

use super::end::Serving;
use super::layer::ServerOptions;
use super::name::{self, RequestHead};
use super::queue_time;
use super::refused::Refusal;
use super::served;
use crate::forwarded::{self, ForwardedHeader};
use crate::grpc::{self, Naming};
use crate::text::{MAX_KEPT_BYTES, StackText};
use crate::trust::ForwardedError;

/// Longest address in text: IPv6 with an embedded IPv4 address.
const MAX_ADDRESS_TEXT_BYTES: usize = 45;
/// Stands for a header that came twice, so that it is refused and counted like any malformed one;
/// no header can hold it.
const REPEATED: &[u8] = b"\0repeated";

const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";
const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED: &str = "forwarded";

/// The address of the TCP peer, for servers without axum's `ConnectInfo`.
///
/// Put it on each request as an extension; without it no peer is trusted (unless all are) and no
/// client address is stored. A tonic server brings the address itself, with feature `tonic`.
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
    /// It is a transaction that was not let in.
    Refused(Serving, Refusal),
}

pub(crate) fn begin<B>(options: &ServerOptions, request: &mut Request<B>) -> Begun {
    let limit = options.max_active();
    if limit.is_none() && !scouter_core::is_recording() {
        return Begun::Unrecorded;
    }
    if served::is_inside(request.extensions()) {
        if let Some(service) = Named::of(options, request).service {
            current::set_service(service);
        }
        return Begun::Unrecorded;
    }
    if options.ignored.covers(&RequestHead::of(request)) {
        note(Noted::RequestIgnored);
        return Begun::Unrecorded;
    }
    let admitted = limit.map(|limit| options.load.admit(limit).ok_or(Refusal::Busy { limit }));
    if matches!(admitted, Some(Err(_))) {
        note(Noted::RequestRejected);
    }
    let peer = peer_of(request.extensions());
    let is_trusted = options.trust().trusts(peer);
    let inbound = Inbound::read(request.headers(), &options.tenant_header);
    let own_context = inbound.context(is_trusted);
    let has_trace = own_context.is_some();
    // A request made inside our own process without headers still belongs to its caller.
    let context = own_context.or_else(current::context);

    let Named { service, is_grpc, naming } = Named::of(options, request);
    let name = service.unwrap_or_else(|| match naming {
        Some(_) => name::grpc_unmatched(),
        None => name::unmatched(request.method()),
    });
    let transaction = Transaction::begin(Begin::new(name).context(context.as_ref()));
    // Who is let in is counted whether it can be recorded or not.
    if !transaction.is_recording() && admitted.is_none() {
        return Begun::Unrecorded;
    }
    if service.is_none() {
        transaction.tag("path", request.uri().path());
    }
    // It came in the context, if there was a trace.
    if !has_trace && let Some(list) = inbound.baggage(is_trusted) {
        transaction.set_baggage(&list);
    }
    inbound.describe(&transaction, options, peer, is_trusted);
    if let Some(login) = &options.login {
        login.describe(&transaction, &RequestHead::of(request), is_trusted);
    }
    let served = transaction.txid().map(|txid| served::begin(request.extensions_mut(), txid));
    let mut serving = Serving::new(transaction, served, options.slow);
    if is_grpc {
        serving.is_grpc_call(naming, grpc::timeout(request.headers()));
    }
    match admitted {
        Some(Err(busy)) => return Begun::Refused(serving, busy),
        Some(Ok(admission)) => serving.admitted(admission),
        None => {}
    }
    match rejected(request) {
        None => Begun::Serving(serving),
        Some(reject) => Begun::Refused(serving, Refusal::ByPlugin(reject)),
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

/// How a request is named.
struct Named {
    /// `None`: it belongs into the bucket of what no route matched.
    service: Option<TextId>,
    is_grpc: bool,
    /// Of a call of a gRPC method, unless the author names it.
    naming: Option<Naming>,
}

impl Named {
    fn of<B>(options: &ServerOptions, request: &Request<B>) -> Self {
        let head = RequestHead::of(request);
        // Calls of gRPC are POSTs, so a GET need not be looked at.
        let is_grpc = head.method == Method::POST && grpc::is_grpc(head.headers);
        if let Some(name_with) = &options.name_with
            && let Some(name) = name_with(&head)
        {
            return Self { service: Some(intern(TextKind::Service, &name)), is_grpc, naming: None };
        }
        if is_grpc && let Some(naming) = grpc::name_of(head.uri.path()) {
            return Self { service: naming.name(), is_grpc, naming: Some(naming) };
        }
        let service = head.matched_path().map(|template| name::matched(head.method, template));
        Self { service, is_grpc, naming: None }
    }
}

fn peer_of(extensions: &Extensions) -> Option<IpAddr> {
    #[cfg(feature = "axum")]
    if let Some(info) = extensions.get::<axum::extract::ConnectInfo<SocketAddr>>() {
        return Some(info.0.ip());
    }
    #[cfg(feature = "tonic")]
    if let Some(info) = extensions.get::<tonic::transport::server::TcpConnectInfo>() {
        return info.remote_addr().map(|address| address.ip());
    }
    extensions.get::<PeerAddr>().map(|peer| peer.0.ip())
}

/// The headers we know, found in one pass over the map.
///
/// Of what identifies (trace ids, tenant) a repeated header contradicts itself, so none of its
/// lines is believed: a proxy that *adds* its line leaves that of the visitor in front of it.
/// What is a list by its nature (`tracestate`, `baggage`, `x-forwarded-for`) goes on in the next
/// line, as HTTP says.
#[derive(Debug)]
struct Inbound<'a> {
    headers: &'a HeaderMap,
    trace: TraceHeaders<'a>,
    tenant: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    has_tracestate: bool,
    has_baggage: bool,
    has_forwarded_for: bool,
    has_forwarded: bool,
    request_start: Option<&'a [u8]>,
    queue_start: Option<&'a [u8]>,
}

impl<'a> Inbound<'a> {
    fn read(headers: &'a HeaderMap, tenant_header: &HeaderName) -> Self {
        let mut own = Self {
            headers,
            trace: TraceHeaders::default(),
            tenant: None,
            user_agent: None,
            has_tracestate: false,
            has_baggage: false,
            has_forwarded_for: false,
            has_forwarded: false,
            request_start: None,
            queue_start: None,
        };
        for (name, value) in headers {
            let value = value.as_bytes();
            if own.trace.put(name.as_str(), value) {
                continue;
            }
            let place = match name.as_str() {
                "x-request-start" => &mut own.request_start,
                "x-queue-start" => &mut own.queue_start,
                "user-agent" => {
                    own.user_agent.get_or_insert(value);
                    continue;
                }
                TRACESTATE => {
                    own.has_tracestate = true;
                    continue;
                }
                BAGGAGE => {
                    own.has_baggage = true;
                    continue;
                }
                FORWARDED_FOR => {
                    own.has_forwarded_for = true;
                    continue;
                }
                FORWARDED => {
                    own.has_forwarded = true;
                    continue;
                }
                _ if name == tenant_header => &mut own.tenant,
                _ => continue,
            };
            *place = Some(if place.is_some() { REPEATED } else { value });
        }
        own
    }

    /// The trace the caller belongs to; the first well-formed one in the order of the formats.
    fn context(&self, is_trusted: bool) -> Option<TraceContext> {
        let mut context = self.trace.context(is_trusted, |context| {
            if !self.has_tracestate {
                return context;
            }
            context.with_tracestate(&joined_lines(self.headers, TRACESTATE, MAX_TRACESTATE_BYTES))
        })?;
        if let Some(list) = self.baggage(is_trusted) {
            context = context.with_baggage(&list);
        }
        Some(context)
    }

    /// What trusted callers want to be handed on.
    fn baggage(&self, is_trusted: bool) -> Option<Cow<'a, [u8]>> {
        let is_taken = is_trusted && self.has_baggage;
        is_taken.then(|| joined_lines(self.headers, BAGGAGE, MAX_BAGGAGE_BYTES))
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
        let forwarded = if is_trusted { self.forwarded_client(options) } else { None };
        if let Some(client) = forwarded.or(peer) {
            let text = StackText::<MAX_ADDRESS_TEXT_BYTES>::of(&client);
            transaction.set_text(Field::Ip, text.as_str());
        }
        if options.stores_user_agent
            && let Some(user_agent) = self.user_agent.and_then(|agent| readable(agent))
        {
            transaction.set_text(Field::UserAgent, user_agent);
        }
        if is_trusted && let Some(begun) = self.request_start.or(self.queue_start) {
            describe_wait(transaction, begun);
        }
    }

    /// The address of the client by what proxies say.
    fn forwarded_client(&self, options: &ServerOptions) -> Option<IpAddr> {
        let lines = |name| self.headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let client = match options.forwarded {
            ForwardedHeader::Either | ForwardedHeader::XForwardedFor if self.has_forwarded_for => {
                options.trust().client_of(lines(FORWARDED_FOR))
            }
            ForwardedHeader::Either | ForwardedHeader::Forwarded if self.has_forwarded => {
                forwarded::client_of(options.trust(), lines(FORWARDED))
            }
            _ => return None,
        };
        match client {
            Ok(client) => return Some(client),
            Err(ForwardedError::Malformed) => note_ignored_header(false),
            Err(ForwardedError::Oversized) => note_ignored_header(true),
            Err(ForwardedError::Hidden) => {}
        }
        None
    }
}

/// The lines of a list header as one list; it allocates only when there are several.
///
/// Joining stops past the limit: the recorder refuses and counts such a list as a whole.
fn joined_lines<'a>(headers: &'a HeaderMap, name: &str, limit: usize) -> Cow<'a, [u8]> {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let mut list = Cow::Borrowed(lines.next().unwrap_or_default());
    for line in lines {
        if list.len() > limit {
            break;
        }
        let list = list.to_mut();
        if !list.is_empty() {
            list.push(b',');
        }
        list.extend_from_slice(line);
    }
    list
}

/// Says how long the request waited in front of the process.
fn describe_wait(transaction: &Transaction, begun: &[u8]) {
    let Some(begun) = queue_time::parse(begun) else {
        return note_ignored_header(begun.len() > MAX_ID_HEADER_BYTES);
    };
    match queue_time::waited_us(begun, clock::wall_us()) {
        Some(waited) => {
            let text = StackText::<20>::of(&waited);
            transaction.tag(queue_time::QUEUE_TAG, text.as_str());
        }
        None => note(Noted::QueueTimeRefused),
    }
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
