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
//!
//! # Redirects
//! reqwest follows redirects inside the client, below this layer, and sends the same headers to
//! wherever a listed host points: of them it takes off `Authorization` and cookies only. So a
//! reqwest call carries tenant and baggage only after its author said that the client is guarded
//! ([`ClientLayer::redirects_guarded`]): give it a policy of `guard_redirects`, which stops before
//! a host that is not listed, or `Policy::none()`. Around hyper-util's client nothing follows by
//! itself; put tower-http's `FollowRedirect` outside of this layer, where each hop passes it.
//!
//! What no layer can see is where a listed host sends things on from its side, a proxy of the
//! environment, and what the application writes into headers itself: that stays as it wrote it.

mod body;
mod call;
mod error;
mod future;
mod hosts;
mod inject;
mod layer;
mod message;
mod redirects;
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
#[cfg(feature = "reqwest")]
pub use redirects::guard_redirects;
pub use service::ClientService;
