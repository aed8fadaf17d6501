//! The client side: one step per outbound call, and the headers that carry the trace on.
//!
//! A call is a step of the transaction that is current when it is made; without one the layer does
//! nothing. The step lasts from the call to the end of the response body (or its drop), and tells
//! the time to the headers apart. Each attempt is a step of its own: put the layer inside a retry.
//!
//! - [`ClientLayer`] goes around any tower service over `http::Request` (hyper-util's client,
//!   tonic's channel) and, with feature `reqwest`, around `reqwest::Client`.
//! - With feature `reqwest`, [`SendScouted::send_scouted`] replaces `send()` in one line.
//!
//! `traceparent` goes to everyone, unless the request carries one already (with it, if the option
//! `trace_propagete_b3_header` is on, a `b3` header; with `trace_propagate_scouter_header`,
//! `x-scouter-gxid` and `x-scouter-caller`). Tenant and baggage are
//! data of your users: they go to the hosts of an allow list only ([`Hosts`], default: none).
//! Redirects are followed inside the client, below this layer: reqwest sends the same headers to
//! wherever an allowed host redirects. Switch redirects off for hosts you do not control.

mod body;
mod call;
mod error;
mod future;
mod hosts;
mod inject;
mod layer;
mod message;
mod service;

#[cfg(feature = "reqwest")]
mod reqwest;

#[cfg(feature = "reqwest")]
pub use self::reqwest::SendScouted;
pub use body::ClientBody;
pub use call::Call;
pub use future::ClientFuture;
pub use hosts::{Hosts, HostsError, MAX_HOSTS};
pub use layer::ClientLayer;
pub use message::{OutboundRequest, OutboundResponse, PathTemplate, Target};
pub use service::ClientService;
