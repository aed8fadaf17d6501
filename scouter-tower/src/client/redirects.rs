//! Redirects that a client follows by itself: they must not carry tenant and baggage off.
//!
//! reqwest asks its policy, with the next address but without the headers, from within the poll of
//! the call. So the call says for the length of each poll what it carries, and the policy looks
//! there. The rejected alternative, a policy with a list of its own, would let a call pass that was
//! made with another list.

#[cfg(feature = "reqwest")]
use std::cell::Cell;
use std::sync::Arc;

use super::layer::ClientOptions;

#[cfg(feature = "reqwest")]
thread_local! {
    /// The options of the call that is polled on this thread, if it carries tenant or baggage.
    static CARRYING: Cell<Option<Arc<ClientOptions>>> = const { Cell::new(None) };
}

/// Whether a call carries what a host off the list must not see, and by whose list.
#[derive(Debug)]
pub(crate) struct Carries {
    #[cfg(feature = "reqwest")]
    options: Option<Arc<ClientOptions>>,
}

#[cfg(feature = "reqwest")]
impl Carries {
    pub(crate) fn of(options: &Arc<ClientOptions>, has_tenant_bound: bool) -> Self {
        Self { options: has_tenant_bound.then(|| options.clone()) }
    }

    /// Runs one poll of the call.
    pub(crate) fn during<T>(&self, poll: impl FnOnce() -> T) -> T {
        let Some(options) = &self.options else { return poll() };
        let former = CARRYING.try_with(|carrying| carrying.replace(Some(options.clone())));
        let _restore = Restore(former.ok().flatten());
        poll()
    }
}

#[cfg(not(feature = "reqwest"))]
impl Carries {
    pub(crate) const fn of(_options: &Arc<ClientOptions>, _has_tenant_bound: bool) -> Self {
        Self {}
    }

    pub(crate) fn during<T>(&self, poll: impl FnOnce() -> T) -> T {
        poll()
    }
}

/// Puts back what was carried before, also when a poll panics.
#[cfg(feature = "reqwest")]
struct Restore(Option<Arc<ClientOptions>>);

#[cfg(feature = "reqwest")]
impl Drop for Restore {
    fn drop(&mut self) {
        let former = self.0.take();
        // On a thread past its destructors there is nothing to put back.
        CARRYING.try_with(|carrying| carrying.set(former)).unwrap_or_default();
    }
}

/// Wraps a redirect policy of reqwest: it stops before a host that is not listed when the call
/// carries tenant or baggage, and otherwise does what the wrapped policy says.
///
/// The application gets the 3xx response then, as with `Policy::none()`, and may follow its
/// `Location` by a call of its own, which carries nothing tenant-bound to such a host. A call that
/// carries nothing is redirected as ever. The list is that of the [`ClientLayer`](super::ClientLayer)
/// that sends, as it stands when the redirect comes.
///
/// Tell the layer of it: [`ClientLayer::redirects_guarded`](super::ClientLayer::redirects_guarded),
/// or `SCOUTER_TRACE_TENANT_REDIRECTS_GUARDED=true`.
///
/// # Examples
/// ```
/// use reqwest::redirect::Policy;
/// use scouter_tower::client::{ClientLayer, Hosts, guard_redirects};
/// let client = reqwest::Client::builder().redirect(guard_redirects(Policy::default()));
/// let hosts: Hosts = "*.mesh.local".parse()?;
/// let layer = ClientLayer::new().tenant_hosts(hosts).redirects_guarded(true);
/// # drop((client, layer));
/// # Ok::<(), scouter_tower::client::HostsError>(())
/// ```
#[cfg(feature = "reqwest")]
#[must_use]
pub fn guard_redirects(policy: reqwest::redirect::Policy) -> reqwest::redirect::Policy {
    reqwest::redirect::Policy::custom(move |attempt| {
        if leaves_the_list(attempt.url()) { attempt.stop() } else { policy.redirect(attempt) }
    })
}

#[cfg(feature = "reqwest")]
fn leaves_the_list(next: &reqwest::Url) -> bool {
    let carrying = CARRYING.try_with(|carrying| {
        let options = carrying.take();
        carrying.set(options.clone());
        options
    });
    let Ok(Some(options)) = carrying else { return false };
    let host = next.host_str().unwrap_or_default();
    !options.may_send_tenant(host, next.port_or_known_default().unwrap_or(0))
}
