//! The ways a request reaches our layer: HTTP/1.1 or HTTP/2, through axum or plain hyper.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use hyper::body::Incoming;
use scouter_tower::ScouterLayer;
use tower::{Layer, ServiceExt};

use crate::support::Server;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// With prior knowledge: no TLS here to agree on it.
    Http2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) protocol: Protocol,
    is_axum: bool,
}

impl Door {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        [Protocol::Http1, Protocol::Http2]
            .into_iter()
            .flat_map(|protocol| [true, false].map(|is_axum| Self { protocol, is_axum }))
    }

    /// The application behind this door: wrapped, or behind our layer as hyper's own service.
    pub(crate) async fn open(self, app: Router) -> Server {
        if self.is_axum {
            return Server::start(scouter_tower::wrap(app)).await;
        }
        let plain = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            // axum answers a HEAD without the body; a plain service leaves that to hyper.
            if *request.method() == Method::HEAD {
                *request.method_mut() = Method::GET;
            }
            let app = app.clone();
            async move { Ok::<_, Infallible>(app.oneshot(request).await.unwrap_or_else(|e| match e {})) }
        });
        Server::hyper(ScouterLayer::new().layer(plain)).await
    }

    /// A client that comes through this door.
    pub(crate) fn client(self) -> reqwest::Client {
        let client = reqwest::Client::builder().no_proxy();
        match self.protocol {
            Protocol::Http1 => client.http1_only().build().unwrap(),
            Protocol::Http2 => client.http2_prior_knowledge().build().unwrap(),
        }
    }

    /// The name of a request behind this door: plain hyper knows no routes.
    pub(crate) fn name(self, method: &str, template: &str) -> String {
        let template = if self.is_axum { template } else { "<unmatched>" };
        format!("{method} {template}")
    }
}
