//! The client layer and its options.

use std::sync::Arc;
#[cfg(feature = "reqwest")]
use std::sync::OnceLock;

use http::HeaderName;
use scouter_core::options::{TRACE_TENANT_HOSTS, TRACE_TENANT_REDIRECTS_GUARDED};
use tower_layer::Layer;

use super::hosts::{self, Hosts};
use super::message::Target;
use super::service::ClientService;
use crate::tenant_header;

/// Records each call that passes as one step and sends the trace context along.
///
/// # Examples
/// ```
/// use scouter_tower::client::{ClientLayer, Hosts};
/// use tower_layer::Layer;
/// # #[derive(Clone)] struct HttpClient;
/// # let http_client = HttpClient;
/// let layer = ClientLayer::new().tenant_hosts("*.mesh.local".parse::<Hosts>()?);
/// let client = layer.layer(http_client);
/// # drop(client);
/// # Ok::<(), scouter_tower::client::HostsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClientLayer {
    options: Arc<ClientOptions>,
}

#[derive(Debug, Clone)]
pub(crate) struct ClientOptions {
    /// `None` follows the option while the process runs.
    tenant_hosts: Option<Hosts>,
    pub(crate) tenant_header: HeaderName,
    /// `None` follows the option while the process runs.
    redirects_guarded: Option<bool>,
    /// Where requests go that do not say it themselves.
    peer: Option<(Box<str>, u16)>,
}

impl Default for ClientLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientLayer {
    /// Makes a layer with the defaults, as the environment changed them.
    #[must_use]
    pub fn new() -> Self {
        let options = ClientOptions {
            tenant_hosts: None,
            tenant_header: tenant_header(),
            redirects_guarded: None,
            peer: None,
        };
        Self { options: Arc::new(options) }
    }

    /// The layer of the environment, made once: what `send_scouted()` uses.
    #[cfg(feature = "reqwest")]
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<ClientLayer> = OnceLock::new();
        SHARED.get_or_init(Self::new)
    }

    /// Sends tenant and baggage to these hosts, and to no others.
    ///
    /// Default: nobody, or what the option `trace_tenant_hosts` allows. Env:
    /// `SCOUTER_TRACE_TENANT_HOSTS`.
    #[must_use]
    pub fn tenant_hosts(mut self, hosts: Hosts) -> Self {
        Arc::make_mut(&mut self.options).tenant_hosts = Some(hosts);
        self
    }

    /// Sends the tenant in this header.
    ///
    /// Default: `x-tenant-id`. Env: `SCOUTER_TRACE_TENANT_HEADER`.
    #[must_use]
    pub fn tenant_header(mut self, name: HeaderName) -> Self {
        Arc::make_mut(&mut self.options).tenant_header = name;
        self
    }

    /// Says that a client which follows redirects by itself, as reqwest's does, cannot carry tenant
    /// and baggage off to a host that is not listed: it follows none, or its policy is of
    /// `guard_redirects` (feature `reqwest`).
    ///
    /// Nothing shows from outside what policy a `reqwest::Client` has. So without this word its
    /// calls carry neither tenant nor baggage, unless the list is `*`, and
    /// `propagation_withheld` counts them. A client that never follows by itself (hyper-util's,
    /// tonic's channel) needs no word.
    ///
    /// Default: false. Env: `SCOUTER_TRACE_TENANT_REDIRECTS_GUARDED`.
    #[must_use]
    pub fn redirects_guarded(mut self, are_guarded: bool) -> Self {
        Arc::make_mut(&mut self.options).redirects_guarded = Some(are_guarded);
        self
    }

    /// Says where requests go that name no host: those of tonic's generated clients, since a
    /// channel adds it further inside.
    ///
    /// It becomes part of the step's name, and [`tenant_hosts`](Self::tenant_hosts) is asked about
    /// it. A client made by `with_origin` names its host itself.
    ///
    /// Default: none; such a step shows `<unknown>`.
    #[must_use]
    pub fn peer(mut self, host: &str, port: u16) -> Self {
        Arc::make_mut(&mut self.options).peer = Some((host.into(), port));
        self
    }

    pub(crate) const fn options(&self) -> &Arc<ClientOptions> {
        &self.options
    }
}

impl ClientOptions {
    pub(crate) fn known_target<'a>(&'a self, said: Target<'a>) -> Target<'a> {
        match &self.peer {
            Some((host, port)) if said.host.is_empty() => Target::new(host, *port),
            _ => said,
        }
    }

    pub(crate) fn may_send_tenant(&self, host: &str, port: u16) -> bool {
        match &self.tenant_hosts {
            Some(hosts) => hosts.allow(host, port),
            None => hosts::list_allows(&TRACE_TENANT_HOSTS.value(), host, port),
        }
    }

    /// Whether a client that follows redirects by itself stays among the listed hosts.
    pub(crate) fn stays_listed(&self) -> bool {
        let is_guarded = self.redirects_guarded;
        is_guarded.unwrap_or_else(|| TRACE_TENANT_REDIRECTS_GUARDED.value())
            || match &self.tenant_hosts {
                Some(hosts) => hosts.allow_everybody(),
                None => hosts::list_allows_everybody(&TRACE_TENANT_HOSTS.value()),
            }
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        ClientService { inner, layer: self.clone() }
    }
}
