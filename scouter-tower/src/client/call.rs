//! One outbound call as an open step, and how it ends.

use std::fmt::Display;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use scouter_core::plugin::{self, CallView};
use scouter_core::record::{Outcome, StepKind};
use scouter_core::{ApiOutcome, OpenStep, TextKind, Txid, intern_parts};

use super::error::Cause;
use super::inject::{self, TenantBound};
use super::layer::ClientOptions;
use super::message::OutboundRequest;
use super::redirects::Carries;
use crate::grpc::{self, Code, Naming};
use crate::id_header;
use crate::large_body;
use crate::standard_method;
use crate::text::{MAX_KEPT_BYTES, StackText};

/// Longest address kept on the step, `host:port` in bytes; longer ones are cut. It travels inside
/// the future and the body, so it is shorter than what DNS allows.
const MAX_ADDRESS_BYTES: usize = 128;

/// What stands for the host of a request that names none.
const UNKNOWN_HOST: &str = "<unknown>";

/// An outbound call that has not come to its end.
///
/// | what happens | outcome of the step |
/// |---|---|
/// | last frame or trailers; body of known length dropped after its last byte | ok, or error for 5xx |
/// | response dropped without reading its body | ok, or error for 5xx: the caller wanted no more |
/// | trailers of gRPC, or headers when the reply is trailers only | ok, or error for any code but OK |
/// | response of a gRPC call dropped before its trailers | cancelled |
/// | body dropped in the middle | cancelled |
/// | future dropped before the response | cancelled |
/// | the client or the body yields an error | error, with its causes |
#[derive(Debug)]
pub struct Call {
    step: Option<OpenStep>,
    carries: Carries,
    address: StackText<MAX_ADDRESS_BYTES>,
    status: Option<StatusCode>,
    grpc: Option<GrpcCall>,
    callee: Option<Txid>,
    received_bytes: u64,
    expected_bytes: Option<u64>,
    is_bodyless: bool,
    has_read: bool,
}

/// What is known of a gRPC call.
#[derive(Debug)]
struct GrpcCall {
    naming: Option<Naming>,
    code: Option<Code>,
}

impl Call {
    /// Begins the step and writes the headers; `None` when no transaction is current.
    pub(crate) fn begin<R: OutboundRequest>(
        options: &Arc<ClientOptions>,
        request: &mut R,
    ) -> Option<Self> {
        if !scouter_core::current::is_active() {
            return None;
        }
        let target = options.known_target(request.target());
        let host = if target.host.is_empty() { UNKNOWN_HOST } else { target.host };
        let bound = if !options.may_send_tenant(target.host, target.port) {
            TenantBound::Kept
        } else if request.may_be_redirected() && !options.stays_listed() {
            TenantBound::Withheld
        } else {
            TenantBound::Sent
        };
        let port = StackText::<5>::of(&target.port);
        let grpc = request.grpc_path().map(|path| (path, grpc::name_of(path)));
        let named_path = match &grpc {
            Some((path, Some(naming))) if naming.name().is_some() => path,
            _ => "",
        };
        let template = request.path_template().map_or(named_path, |template| template.0);
        let verb = if grpc.is_some() { "GRPC" } else { standard_method(request.method()) };
        let name = intern_parts(TextKind::Api, &[verb, " ", host, ":", port.as_str(), template]);
        let grpc = grpc.map(|(_, naming)| GrpcCall { naming, code: None });
        let address = StackText::of(&format_args!("{host}:{}", target.port));
        plugin::call(&CallView::new(request.method().as_str(), address.as_str()));
        let step = OpenStep::begin(StepKind::Api, name);
        if !step.is_recording() {
            return None;
        }
        let written = inject::write(request.headers_mut(), options, bound);
        Some(Self {
            step: Some(step),
            carries: Carries::of(options, written.has_tenant_bound),
            address,
            status: None,
            grpc,
            callee: written.callee,
            received_bytes: 0,
            expected_bytes: None,
            is_bodyless: *request.method() == Method::HEAD,
            has_read: false,
        })
    }

    /// Runs one poll of the call or its body inside the step.
    pub(crate) fn polled<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        let Some(step) = self.step.as_ref() else { return poll() };
        let _scope = step.enter_poll();
        self.carries.during(poll)
    }

    pub(crate) fn note_headers(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = Some(status);
        self.callee = id_header::read(headers).or(self.callee);
        self.note_grpc_status(headers);
        if let Some(GrpcCall { naming: Some(naming), code: None }) = &self.grpc
            && status == StatusCode::OK
        {
            // Its own name stays as it is: the next call has it.
            let _ = naming.confirm();
        }
        self.is_bodyless |= matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if let Some(step) = self.step.as_mut() {
            step.mark_response();
        }
    }

    /// Reads the outcome out of trailers, or of headers when a reply is trailers only.
    pub(crate) fn note_grpc_status(&mut self, headers: &HeaderMap) {
        if let Some(call) = &mut self.grpc {
            call.code = call.code.or_else(|| Code::read(headers));
        }
    }

    pub(crate) fn expect(&mut self, bytes: Option<u64>) {
        self.expected_bytes = bytes;
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.has_read = true;
        let before = self.received_bytes;
        self.received_bytes += bytes as u64;
        large_body::look_at_answer(before, self.received_bytes, self.address.as_str());
    }

    /// The end of a call that was answered.
    pub(crate) fn complete(mut self) {
        self.finish_answered();
    }

    /// The end of a call that failed, before or within the body.
    pub(crate) fn fail<E: Display + 'static>(mut self, error: &E) {
        let error = StackText::<MAX_KEPT_BYTES>::of(&Cause(error));
        self.finish(Outcome::Error, error.as_str());
    }

    fn finish_answered(&mut self) {
        let code = self.grpc.as_ref().and_then(|call| call.code);
        match self.status {
            _ if code.is_some_and(|code| !code.is_ok()) => self.finish(Outcome::Error, ""),
            // Without a text: the status says it, and the transaction is not marked, since the
            // caller may well try again.
            Some(status) if status.is_server_error() => self.finish(Outcome::Error, ""),
            _ => self.finish(Outcome::Ok, ""),
        }
    }

    fn finish(&mut self, outcome: Outcome, error: &str) {
        let Some(step) = self.step.take() else { return };
        step.finish_api(ApiOutcome {
            status: match self.grpc.as_ref().and_then(|call| call.code) {
                Some(code) => code.status(),
                None => self.status.map_or(0, |status| status.as_u16()),
            },
            // Who gave no answer may never have begun.
            callee: self.callee.filter(|_| self.status.is_some()),
            address: self.address.as_str(),
            outcome,
            error,
        });
    }

    fn wants_no_more(&self) -> bool {
        let is_complete =
            self.expected_bytes.is_some_and(|expected| self.received_bytes >= expected);
        // Without its trailers a gRPC call has no outcome, so whoever drops it gives it up.
        let has_outcome = self.grpc.as_ref().is_none_or(|call| call.code.is_some());
        has_outcome && self.status.is_some() && (self.is_bodyless || is_complete || !self.has_read)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.step.is_none() {
            return;
        }
        if std::thread::panicking() {
            self.finish(Outcome::Panic, "");
        } else if self.wants_no_more() {
            self.finish_answered();
        } else {
            self.finish(Outcome::Cancelled, "");
        }
    }
}
