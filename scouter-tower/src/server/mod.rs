//! The server side: one transaction per request, with exactly one end.
//!
//! | what happens | how the transaction ends |
//! |---|---|
//! | last frame, trailers, or a body that was empty to begin with | `Complete` |
//! | body of known length dropped after its last byte; body of a HEAD, 204 or 304 dropped | `Complete` |
//! | future dropped before the response: the client left, or an outer layer cut it off | `CancelledBeforeResponse`, no status |
//! | body dropped before its end | `AbortedInBody`, bytes kept |
//! | body yields an error | `BodyError` |
//! | service yields an error | `ServiceError` |
//! | a panic in the call, a poll or the body, caught or not by an outer layer | `Panic` |
//! | a gRPC call cut off after its `grpc-timeout` was over | as above, with status DEADLINE_EXCEEDED |
//! | 101, or 2xx to CONNECT | `Upgraded`; what follows is a [`session`](crate::session) or nobody's |
//!
//! A gRPC call is named by its method, `GRPC /package.Service/Method`, and has the status of its
//! trailers; which codes are errors stands in `grpc`.
//!
//! A panic's message and place become the transaction's error, also where a layer inside turns it
//! into a response.
//!
//! Bytes are counted on our side: what the body yields to us. A compression layer inside makes them
//! the compressed ones, one outside leaves them as the handler wrote them.
//!
//! An outer layer that cuts a request off (a timeout) and a client that leaves look the same from
//! inside. Put this layer outermost, and what an outer layer answered is seen.

mod body;
mod end;
mod future;
mod ignored;
mod layer;
mod load;
mod login;
mod name;
mod queue_time;
mod refused;
mod request;
mod served;
mod service;

#[cfg(feature = "hyper")]
mod hyper;

pub use body::ScouterBody;
pub use future::ScouterFuture;
pub use ignored::MAX_IGNORED_PATHS;
#[cfg(feature = "axum")]
pub(crate) use layer::EnvironmentLayer;
pub use layer::ScouterLayer;
pub use name::RequestHead;
pub use queue_time::MAX_QUEUE_TIME;
pub use request::PeerAddr;
pub use service::ScouterService;
