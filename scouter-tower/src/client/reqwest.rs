//! reqwest: the client as a tower service, and `send_scouted()`.

use std::future::Future;

use http::{HeaderMap, Method};
use reqwest::{Body, Client, Request, RequestBuilder, Response, ResponseBuilderExt};

use super::body::ClientBody;
use super::call::Call;
use super::future::ClientFuture;
use super::layer::ClientLayer;
use super::message::{OutboundRequest, OutboundResponse, PathTemplate, Target, port_of};

impl OutboundRequest for Request {
    fn method(&self) -> &Method {
        self.method()
    }

    fn target(&self) -> Target<'_> {
        let port = self.url().port_or_known_default();
        let port = port.unwrap_or_else(|| port_of(Some(self.url().scheme())));
        Target { host: self.url().host_str().unwrap_or_default(), port }
    }

    /// Its client follows ten redirects unless told otherwise, and takes only `Authorization`,
    /// `Cookie` and their like off when the host changes.
    fn may_be_redirected(&self) -> bool {
        true
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }
}

impl OutboundResponse for Response {
    type Scouted = Self;

    /// Puts the step into the body. Costs two boxes and a copy of the URL, which reqwest drops
    /// when it takes a response apart; the remote address and other extensions are kept.
    fn scouted(self, call: Option<Call>) -> Self {
        let Some(mut call) = call else { return self };
        call.note_headers(self.status(), self.headers());
        let url = self.url().clone();
        let (parts, body) = http::Response::from(self).into_parts();
        if http_body::Body::is_end_stream(&body) {
            call.complete();
            return rebuilt(parts, url, body);
        }
        call.expect(http_body::Body::size_hint(&body).exact());
        rebuilt(parts, url, Body::wrap(ClientBody::new(body, Some(call))))
    }
}

fn rebuilt(parts: http::response::Parts, url: reqwest::Url, body: Body) -> Response {
    let mut carrier = http::Response::builder().url(url).body(()).unwrap_or_default();
    let mut response = http::Response::from_parts(parts, body);
    response.extensions_mut().extend(std::mem::take(carrier.extensions_mut()));
    Response::from(response)
}

/// Sends a reqwest request as a step of the current transaction.
///
/// `client.get(url).send()` cannot be seen from outside: reqwest has no hook for it. This is the
/// same call with one word changed; without a current transaction it is exactly `send()`.
///
/// # Examples
/// ```no_run
/// use scouter_tower::client::SendScouted;
/// # async fn load(client: reqwest::Client) -> reqwest::Result<String> {
/// client.get("http://billing:8080/invoices/7").send_scouted().await?.text().await
/// # }
/// ```
pub trait SendScouted: Sized {
    /// Sends the request with the [defaults](ClientLayer::new) of the environment.
    ///
    /// # Errors
    /// As `send()`: the request is malformed, cannot be sent, or its time is up.
    ///
    /// # Cancel safety
    /// As `send()`; a dropped future ends the step as cancelled.
    fn send_scouted(self) -> impl Future<Output = reqwest::Result<Response>> + Send {
        self.send_scouted_with(ClientLayer::shared(), None)
    }

    /// Sends the request and adds the route template of the callee to the name of the step.
    ///
    /// # Errors
    /// As [`send_scouted`](Self::send_scouted).
    fn send_scouted_as(
        self,
        template: &'static str,
    ) -> impl Future<Output = reqwest::Result<Response>> + Send {
        self.send_scouted_with(ClientLayer::shared(), Some(PathTemplate(template)))
    }

    /// Sends the request with the options of this layer.
    ///
    /// # Errors
    /// As [`send_scouted`](Self::send_scouted).
    fn send_scouted_with(
        self,
        layer: &ClientLayer,
        template: Option<PathTemplate>,
    ) -> impl Future<Output = reqwest::Result<Response>> + Send;
}

impl SendScouted for RequestBuilder {
    fn send_scouted_with(
        self,
        layer: &ClientLayer,
        template: Option<PathTemplate>,
    ) -> impl Future<Output = reqwest::Result<Response>> + Send {
        let (client, request) = self.build_split();
        let layer = layer.clone();
        async move {
            // The step begins at the first poll, like everything else of a future.
            let mut request = Templated { request: request?, template };
            let call = Call::begin(layer.options(), &mut request);
            send(&client, request.request, call).await
        }
    }
}

fn send(
    client: &Client,
    request: Request,
    call: Option<Call>,
) -> impl Future<Output = reqwest::Result<Response>> + Send + use<> {
    ClientFuture::new(client.execute(request), call)
}

/// reqwest keeps the extensions of a request to itself, so the template travels beside it.
struct Templated {
    request: Request,
    template: Option<PathTemplate>,
}

impl OutboundRequest for Templated {
    fn method(&self) -> &Method {
        self.request.method()
    }

    fn target(&self) -> Target<'_> {
        self.request.target()
    }

    fn path_template(&self) -> Option<PathTemplate> {
        self.template
    }

    fn may_be_redirected(&self) -> bool {
        self.request.may_be_redirected()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.request.headers_mut()
    }
}
