//! hyper's own `Service`, for servers that use no tower.

use std::fmt::Display;

use http::{Request, Response};
use http_body::Body;
use hyper::service::Service;

use super::body::ScouterBody;
use super::future::ScouterFuture;
use super::service::ScouterService;

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

    fn call(&self, request: Request<B>) -> Self::Future {
        Self::record(&self.options, request, |request| self.inner.call(request))
    }
}
