//! What the layer must know of a request and a response, for any client.

use http::{HeaderMap, Method, Request, Response, Uri, header};

use super::body::ClientBody;
use super::call::Call;
use crate::grpc;

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target<'a> {
    /// Host name or address, an IPv6 address in brackets; empty when the request does not say.
    pub host: &'a str,
    /// Port, given or by the scheme; 0 when neither is known.
    pub port: u16,
}

/// A request extension that adds the route template of the callee to the name of the step:
/// `GET billing:8080/invoices/{id}` instead of `GET billing:8080`.
///
/// Static, so that raw paths cannot end up in names.
///
/// # Examples
/// ```
/// use scouter_tower::client::PathTemplate;
/// let request = http::Request::get("http://billing:8080/invoices/7")
///     .extension(PathTemplate("/invoices/{id}"))
///     .body(());
/// # drop(request);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathTemplate(pub &'static str);

/// A request some client sends. Implemented for `http::Request` and `reqwest::Request`.
pub trait OutboundRequest {
    /// Its method.
    fn method(&self) -> &Method;
    /// Where it goes.
    fn target(&self) -> Target<'_>;
    /// The route template of the callee, if the caller named it.
    fn path_template(&self) -> Option<PathTemplate> {
        None
    }
    /// Whether its client may send it on to another host by itself, below the layer, with all of
    /// its headers. See [`ClientLayer::redirects_guarded`](super::ClientLayer::redirects_guarded).
    fn may_be_redirected(&self) -> bool {
        false
    }
    /// Its path, if it is a gRPC call: `/package.Service/Method`.
    fn grpc_path(&self) -> Option<&str> {
        None
    }
    /// Its headers, to write the trace context in.
    fn headers_mut(&mut self) -> &mut HeaderMap;
}

/// A response some client yields. Implemented for `http::Response` and `reqwest::Response`.
pub trait OutboundResponse {
    /// The response with a body that ends the step.
    type Scouted;
    /// Hands the open step to the body. Without one the body is passed through.
    fn scouted(self, call: Option<Call>) -> Self::Scouted;
}

impl<B> OutboundRequest for Request<B> {
    fn method(&self) -> &Method {
        self.method()
    }

    fn target(&self) -> Target<'_> {
        if let Some(host) = self.uri().host() {
            let port = self.uri().port_u16().unwrap_or_else(|| port_of(self.uri().scheme_str()));
            return Target { host, port };
        }
        // A connection-level client (hyper's `SendRequest`) names the host in its header only.
        let authority = self.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        Target::of_authority(authority.unwrap_or_default(), self.uri())
    }

    fn path_template(&self) -> Option<PathTemplate> {
        self.extensions().get().copied()
    }

    fn grpc_path(&self) -> Option<&str> {
        let is_grpc = *self.method() == Method::POST && grpc::is_grpc(self.headers());
        is_grpc.then(|| self.uri().path())
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }
}

impl<'a> Target<'a> {
    /// A target by host and port.
    #[must_use]
    pub const fn new(host: &'a str, port: u16) -> Self {
        Self { host, port }
    }

    fn of_authority(authority: &'a str, uri: &Uri) -> Self {
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                Self { host, port: port.parse().unwrap_or(0) }
            }
            _ => Self { host: authority, port: port_of(uri.scheme_str()) },
        }
    }
}

pub(crate) fn port_of(scheme: Option<&str>) -> u16 {
    match scheme {
        Some("https" | "wss") => 443,
        Some("http" | "ws") | None => 80,
        Some(_) => 0,
    }
}

impl<B> OutboundResponse for Response<B>
where
    B: http_body::Body,
{
    type Scouted = Response<ClientBody<B>>;

    fn scouted(self, call: Option<Call>) -> Self::Scouted {
        let call = call.and_then(|mut call| {
            call.note_headers(self.status(), self.headers());
            if self.body().is_end_stream() {
                call.complete();
                return None;
            }
            call.expect(self.body().size_hint().exact());
            Some(call)
        });
        self.map(|body| ClientBody::new(body, call))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_from_the_uri_or_else_from_the_host_header() {
        for (uri, host_header, host, port) in [
            ("http://billing/x", None, "billing", 80),
            ("https://billing/x", Some("other:1"), "billing", 443),
            ("http://billing:8080/x", None, "billing", 8080),
            ("http://[::1]:8080/x", None, "[::1]", 8080),
            ("/x", Some("billing:9"), "billing", 9),
            ("/x", Some("billing"), "billing", 80),
            ("/x", Some("[::1]"), "[::1]", 80),
            ("/x", Some("billing:port"), "billing", 0),
            ("/x", None, "", 80),
        ] {
            let mut request = Request::get(uri);
            if let Some(header) = host_header {
                request = request.header(header::HOST, header);
            }
            let request = request.body(()).unwrap();
            assert_eq!(OutboundRequest::target(&request), Target::new(host, port), "{uri}");
        }
    }
}
