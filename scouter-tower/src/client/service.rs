//! The service: begins the step, writes the headers, makes the call.

use std::fmt::Display;
use std::task::{Context, Poll};

use tower_service::Service;

use super::call::Call;
use super::future::ClientFuture;
use super::layer::ClientLayer;
use super::message::{OutboundRequest, OutboundResponse};

/// A client whose calls are steps; made by [`ClientLayer`].
#[derive(Debug, Clone)]
pub struct ClientService<S> {
    pub(crate) inner: S,
    pub(crate) layer: ClientLayer,
}

impl<S> ClientService<S> {
    /// The client inside.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// Takes the client out.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, R> Service<R> for ClientService<S>
where
    S: Service<R>,
    S::Error: Display + 'static,
    S::Response: OutboundResponse,
    R: OutboundRequest,
{
    type Response = <S::Response as OutboundResponse>::Scouted;
    type Error = S::Error;
    type Future = ClientFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // Before there is a request there is no step: its name is not known yet.
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        let mut call = Call::begin(self.layer.options(), &mut request);
        let future = match &mut call {
            Some(call) => call.polled(|| self.inner.call(request)),
            None => self.inner.call(request),
        };
        ClientFuture::new(future, call)
    }
}
