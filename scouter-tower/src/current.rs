//! The transaction of a handler, as a value it is given.

#[cfg(feature = "axum")]
use std::convert::Infallible;
use std::fmt;

use scouter_core::{Gxid, Txid, current};

/// The transaction a handler serves: its ids, and what the handler knows of the request.
///
/// In axum it is an extractor that never fails; elsewhere (hyper, a tonic service) ask for it with
/// [`Current::now`]. It costs nothing on the requests of handlers that do not ask.
///
/// It writes only while its own transaction is worked on: in the handler, what it awaits, and
/// tasks of [`InCurrent`](scouter_core::InCurrent). Carried into a plain `tokio::spawn`, or kept
/// longer, it does nothing, so that nothing of one user ends up on the request of another. The
/// functions of [`scouter_core::current`] do the same without a value.
///
/// # Examples
/// ```
/// # #[cfg(feature = "axum")] {
/// use scouter_tower::Current;
/// async fn order(scouter: Current) -> String {
///     scouter.set_login("mia");
///     scouter.tag("plan", "gold");
///     // What a user may quote to support, and support may look for.
///     scouter.txid().map_or_else(String::new, |txid| txid.to_string())
/// }
/// let app: axum::Router = axum::Router::new().route("/order", axum::routing::get(order));
/// # drop(scouter_tower::wrap(app));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current(Option<(Gxid, Txid)>);

impl Current {
    /// The transaction this thread is working on; without one, and while recording is off, a value
    /// that does nothing.
    #[must_use]
    pub fn now() -> Self {
        Self(current::gxid().zip(current::txid()))
    }

    /// Trace it belongs to.
    #[must_use]
    pub fn gxid(&self) -> Option<Gxid> {
        self.0.map(|(gxid, _)| gxid)
    }

    /// Its identity.
    #[must_use]
    pub fn txid(&self) -> Option<Txid> {
        self.0.map(|(_, txid)| txid)
    }

    /// Says who is logged in; cut at 256 bytes.
    pub fn set_login(&self, login: &str) {
        self.write(|| current::set_login(login));
    }

    /// Says whose request it is; cut at 256 bytes.
    pub fn set_tenant(&self, tenant: &str) {
        self.write(|| current::set_tenant(tenant));
    }

    /// Describes it freely; cut at 256 bytes.
    pub fn set_desc(&self, desc: &str) {
        self.write(|| current::set_desc(desc));
    }

    /// Writes a tag; the last value of a key wins. The value is cut at 256 bytes.
    pub fn tag(&self, key: &'static str, value: &str) {
        self.write(|| current::tag(key, value));
    }

    /// Says that it failed (the first error wins) and notes the error as a step.
    pub fn error(&self, error: &dyn fmt::Display) {
        self.write(|| current::error(error));
    }

    /// Notes a text as a step; cut at 256 bytes.
    pub fn message(&self, text: &str) {
        self.write(|| current::message(text));
    }

    /// Asks to keep its profile whatever the sampling says.
    pub fn keep_profile(&self) {
        self.write(current::keep_profile);
    }

    fn write(&self, write: impl FnOnce()) {
        if self.0.is_some() && current::txid() == self.txid() {
            write();
        }
    }
}

#[cfg(feature = "axum")]
impl<S: Sync> axum::extract::FromRequestParts<S> for Current {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut http::request::Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::now())
    }
}
