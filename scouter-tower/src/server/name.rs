//! How a request is named: method and route template, never the raw path.
//!
//! Names are a bounded vocabulary. A raw path is not, and neither is the method: a client may
//! send any token, so methods outside the standard ones share one name.

use http::{Extensions, HeaderMap, Method, Uri};
use scouter_core::{TextId, TextKind, intern, intern_parts};

use crate::standard_method;

/// What stands for the template of a request that no route matched.
pub(crate) const UNMATCHED: &str = "<unmatched>";

/// What a request looks like to [`ScouterLayer::name_with`](crate::ScouterLayer::name_with).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its target.
    pub uri: &'a Uri,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// What the server and outer layers put on it.
    pub extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    pub(crate) fn of<B>(request: &'a http::Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    /// The route template axum matched, if it did and if this layer stands inside the router.
    #[must_use]
    pub fn matched_path(&self) -> Option<&'a str> {
        #[cfg(feature = "axum")]
        return self.extensions.get::<axum::extract::MatchedPath>().map(|path| path.as_str());
        #[cfg(not(feature = "axum"))]
        None
    }
}

/// The name `METHOD template`; no allocation when it was interned before.
pub(crate) fn matched(method: &Method, template: &str) -> TextId {
    intern_parts(TextKind::Service, &[standard_method(method), " ", template])
}

/// The one bucket for gRPC calls of methods that nobody knows.
pub(crate) fn grpc_unmatched() -> TextId {
    intern(TextKind::Service, "GRPC <unmatched>")
}

/// The one bucket for what no route of this method matched.
pub(crate) fn unmatched(method: &Method) -> TextId {
    matched(method, UNMATCHED)
}
