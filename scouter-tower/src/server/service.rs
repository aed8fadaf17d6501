//! The service: begins the transaction and enters it around the call.

use std::fmt::Display;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::ScouterBody;
use super::future::{Reply, ScouterFuture};
use super::layer::{Options, ServerOptions};
use super::request::{self, Begun};

/// A service whose requests are recorded; made by [`ScouterLayer`](crate::ScouterLayer).
///
/// The transaction is current on the thread during the inner `call` as well as during each poll:
/// axum matches the route and builds the handler's future inside `call`.
#[derive(Debug, Clone)]
pub struct ScouterService<S> {
    pub(crate) inner: S,
    pub(crate) options: Options,
}

impl<S> ScouterService<S> {
    /// The service inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// Takes the service out.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// What the tower and the hyper form of `call` share.
    pub(crate) fn record<B, F>(
        options: &ServerOptions,
        mut request: Request<B>,
        call: impl FnOnce(Request<B>) -> F,
    ) -> ScouterFuture<F> {
        let reply = Reply::to(request.method(), options.sends_response_id());
        match request::begin(options, &mut request) {
            Begun::Unrecorded => ScouterFuture::unrecorded(call(request)),
            Begun::Serving(serving) => {
                let future = {
                    let _inside = serving.enter();
                    call(request)
                };
                ScouterFuture::serving(future, serving, reply)
            }
            Begun::Refused(serving, refusal) => ScouterFuture::refused(serving, reply, refusal),
        }
    }
}

impl<S, B, RB> Service<Request<B>> for ScouterService<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
    S::Error: Display,
    RB: Body<Data: 'static>,
    RB::Error: Display,
{
    type Response = Response<ScouterBody<RB>>;
    type Error = S::Error;
    type Future = ScouterFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // No request exists yet, so there is nothing to record: a service that is never ready
        // shows as connections waiting, not as requests.
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = &mut self.inner;
        Self::record(&self.options, request, |request| inner.call(request))
    }
}
