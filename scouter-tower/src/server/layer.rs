//! The layer and its options.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
#[cfg(feature = "axum")]
use std::sync::OnceLock;
use std::time::Duration;

use http::HeaderName;
use scouter_core::options::{TRACE_RESPONSE_GXID_ENABLED, TRACE_TENANT_TRUSTED};
use tower_layer::Layer;

use super::ignored::Ignored;
use super::load::{self, Load};
use super::login::LoginFrom;
use super::name::RequestHead;
use super::service::ScouterService;
use crate::Trust;
use crate::forwarded::ForwardedHeader;
use crate::tenant_header;

/// Records each request that passes as one transaction.
///
/// It goes outermost: what an outer layer answers or cuts off is not seen as what it is. On an
/// axum router use [`wrap`](crate::wrap), or `router.layer(ScouterLayer::new())` last, for options.
/// Around a plain hyper or tower service it works the same; there, name the requests with
/// [`name_with`](Self::name_with), since no route template is known.
///
/// Applied twice, the outer one records and the inner one only refines the name: with a layer that
/// rewrites paths around the whole router, put one around it and one inside.
///
/// # Examples
/// ```
/// # #[cfg(feature = "axum")] {
/// use std::time::Duration;
/// use scouter_tower::{ScouterLayer, Trust};
/// let app: axum::Router = axum::Router::new()
///     .route("/orders/{id}", axum::routing::get(|| async { "order" }))
///     .layer(
///         ScouterLayer::new()
///             .trust(Trust::private())
///             .slow(Duration::from_secs(2))
///             .ignore(["/healthz", "/assets/*"]),
///     );
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ScouterLayer {
    options: Arc<ServerOptions>,
}

static EVERYONE: Trust = Trust::all();
static NOBODY: Trust = Trust::none();

pub(crate) type NameFn = dyn for<'a> Fn(&RequestHead<'a>) -> Option<Cow<'a, str>> + Send + Sync;

#[derive(Clone)]
pub(crate) struct ServerOptions {
    pub(crate) name_with: Option<Arc<NameFn>>,
    pub(crate) ignored: Ignored,
    pub(crate) tenant_header: HeaderName,
    /// `None` follows the option while the process runs.
    trust: Option<Trust>,
    pub(crate) slow: Option<Duration>,
    /// `None` follows the option while the process runs.
    sends_response_id: Option<bool>,
    pub(crate) stores_user_agent: bool,
    pub(crate) forwarded: ForwardedHeader,
    pub(crate) login: Option<LoginFrom>,
    max_active: Option<usize>,
    pub(crate) load: Load,
}

impl Default for ScouterLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl ScouterLayer {
    /// Makes a layer with the defaults, as the environment changed them: make it after
    /// `scouter::init`.
    #[must_use]
    pub fn new() -> Self {
        Self { options: Arc::new(ServerOptions::from_environment()) }
    }

    /// Names requests with a function instead of by their route.
    ///
    /// It answers the whole service name, or `None` for the default: method and route template, or
    /// `GET <unmatched>`. Names are a bounded vocabulary: answer a template, never the raw path;
    /// past the limit of the dictionary new names become `(other)` and are counted. A borrowed
    /// answer costs no allocation. The function runs on every request and must not block.
    ///
    /// Default: none.
    ///
    /// # Examples
    /// ```
    /// use scouter_tower::ScouterLayer;
    /// let layer = ScouterLayer::new().name_with(|request| {
    ///     request.uri.path().starts_with("/rpc/").then(|| "RPC".into())
    /// });
    /// # drop(layer);
    /// ```
    #[must_use]
    pub fn name_with<F>(mut self, name: F) -> Self
    where
        F: for<'a> Fn(&RequestHead<'a>) -> Option<Cow<'a, str>> + Send + Sync + 'static,
    {
        self.options_mut().name_with = Some(Arc::new(name));
        self
    }

    /// Records no transaction for requests that fit one of these rules.
    ///
    /// A rule is a raw path (`/healthz`), a path ending in `*` for all that begin with what
    /// precedes it (`/assets/*`), or the template of a route (`/orders/{id}`), each also with a
    /// method before it: `GET /healthz`, `OPTIONS *`. Calls add up, to at most
    /// [`MAX_IGNORED_PATHS`](crate::MAX_IGNORED_PATHS); further ones are not ignored, and `ignore_rules_left_out` grows. Each
    /// request that is ignored counts in `requests_ignored`. To switch recording of a service off
    /// and on while the process runs there is the option `xlog_discard_service_patterns`.
    ///
    /// Default: none.
    #[must_use]
    pub fn ignore<P: Into<String>>(mut self, rules: impl IntoIterator<Item = P>) -> Self {
        let ignored = &mut self.options_mut().ignored;
        rules.into_iter().for_each(|rule| ignored.add(&rule.into()));
        self
    }

    /// Turns requests away while as many that this layer let in are active: with 503 and
    /// `Retry-After`, a gRPC call with UNAVAILABLE, before the service sees them.
    ///
    /// A request is active until the last byte of its response. One that is turned away is a
    /// transaction with an error and counts in `requests_rejected`; ignored ones are let in always,
    /// so that health checks pass. Each layer counts for itself, also while recording is off; of
    /// two layers around one another the outer one decides. Costs two atomic additions a request.
    ///
    /// Default: none, or what the options `control_reject_service_enabled` (off) and
    /// `control_reject_service_max_count` say, which may be changed while the process runs. The
    /// text of the answer is the option `control_reject_text`.
    ///
    /// # Panics
    /// If `requests` is 0.
    #[must_use]
    pub fn max_active(mut self, requests: usize) -> Self {
        assert!(requests > 0, "a layer that lets nothing in serves nothing");
        let options = self.options_mut();
        options.max_active = Some(requests);
        // Layers made of a copy of this one so far count apart.
        options.load = Load::default();
        self
    }

    /// Reads the tenant from this header, of [trusted](Self::trust) peers only.
    ///
    /// Default: `x-tenant-id`. Env: `SCOUTER_TRACE_TENANT_HEADER`, which the client layer follows
    /// too.
    #[must_use]
    pub fn tenant_header(mut self, name: HeaderName) -> Self {
        self.options_mut().tenant_header = name;
        self
    }

    /// Sets whose tenant, baggage and forwarded client address are accepted.
    ///
    /// Trace ids are accepted from everyone. What is not accepted is ignored, never refused.
    ///
    /// Default: [`Trust::none`], or [`Trust::all`] while the option `trace_tenant_trusted` is on. Env:
    /// `SCOUTER_TRACE_TENANT_TRUSTED=true`, the one line for a service that only its own mesh
    /// reaches.
    #[must_use]
    pub fn trust(mut self, peers: Trust) -> Self {
        self.options_mut().trust = Some(peers);
        self
    }

    /// Marks requests that take at least this long as slow and keeps their profile.
    ///
    /// The time runs from the call to the end of the body. Costs two clock reads a request.
    ///
    /// Default: none; the recorder's own limit (`xlog_slow_time_ms`) holds in any case.
    #[must_use]
    pub fn slow(mut self, limit: Duration) -> Self {
        self.options_mut().slow = Some(limit);
        self
    }

    /// Writes `x-scouter-id: {gxid}-{txid}` on each response.
    ///
    /// With it a caller finds the transaction that served it, and the client layer links its step
    /// to it. It tells outsiders nothing but ids. Costs at most two allocations a response.
    ///
    /// Default: as the option `trace_response_gxid_enabled`, which is off. Env:
    /// `SCOUTER_TRACE_RESPONSE_GXID_ENABLED`.
    #[must_use]
    pub fn response_id_header(mut self, is_sent: bool) -> Self {
        self.options_mut().sends_response_id = Some(is_sent);
        self
    }

    /// Stores the user agent, cut at 256 bytes.
    ///
    /// Default: on.
    #[must_use]
    pub fn user_agent(mut self, is_stored: bool) -> Self {
        self.options_mut().stores_user_agent = is_stored;
        self
    }

    /// Says which header tells the address of the client, of [trusted](Self::trust) peers.
    ///
    /// Name the one that your proxies write, where they hand the other one of a visitor on.
    ///
    /// Default: [`ForwardedHeader::Either`].
    #[must_use]
    pub fn forwarded_header(mut self, header: ForwardedHeader) -> Self {
        self.options_mut().forwarded = header;
        self
    }

    /// Reads who is logged in from a header that a gateway sets, of [trusted](Self::trust) peers
    /// only; as it is, cut at 256 bytes.
    ///
    /// One that comes twice, is empty or has control characters is ignored and counted. Of
    /// `login_header`, [`login_cookie`](Self::login_cookie) and [`login_with`](Self::login_with)
    /// the last one said counts. What only the handler knows it says itself:
    /// [`Current::set_login`](crate::Current::set_login).
    ///
    /// Default: none. It is personal data.
    #[must_use]
    pub fn login_header(mut self, name: HeaderName) -> Self {
        self.options_mut().login = Some(LoginFrom::Header(name));
        self
    }

    /// Tells users apart by a cookie, of which only a hash is kept: `#` and 16 hex digits.
    ///
    /// The key of the hash is random and never leaves the process, so nobody can turn a hash back;
    /// for the same reason a user has another one in each process and after a restart. Of the
    /// `cookie` lines the first 16 KiB are searched; past it `propagation_oversized` grows.
    ///
    /// Default: none.
    #[must_use]
    pub fn login_cookie(mut self, name: &str) -> Self {
        self.options_mut().login = Some(LoginFrom::Cookie(name.into()));
        self
    }

    /// Asks a function who is logged in: by an extension that an outer layer put on the request,
    /// for instance. Its answer is stored as it is, cut at 256 bytes.
    ///
    /// It runs on every recorded request, must not block, and should believe a header only if it
    /// knows who sent it.
    ///
    /// Default: none.
    ///
    /// # Examples
    /// ```
    /// # #[derive(Clone)] struct User { name: String }
    /// use scouter_tower::ScouterLayer;
    /// let layer = ScouterLayer::new().login_with(|request| {
    ///     request.extensions.get::<User>().map(|user| user.name.as_str().into())
    /// });
    /// # drop(layer);
    /// ```
    #[must_use]
    pub fn login_with<F>(mut self, login: F) -> Self
    where
        F: for<'a> Fn(&RequestHead<'a>) -> Option<Cow<'a, str>> + Send + Sync + 'static,
    {
        self.options_mut().login = Some(LoginFrom::Function(Arc::new(login)));
        self
    }

    fn options_mut(&mut self) -> &mut ServerOptions {
        Arc::make_mut(&mut self.options)
    }
}

impl<S> Layer<S> for ScouterLayer {
    type Service = ScouterService<S>;

    fn layer(&self, inner: S) -> ScouterService<S> {
        ScouterService { inner, options: Options::Own(Arc::clone(&self.options)) }
    }
}

/// What [`wrap`](crate::wrap) applies: the options of the environment, read once.
///
/// Of size zero, since axum clones layers into boxes per request, and with options that no
/// reference count guards, since that would be one cache line that all cores write.
#[cfg(feature = "axum")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnvironmentLayer;

#[cfg(feature = "axum")]
impl<S> Layer<S> for EnvironmentLayer {
    type Service = ScouterService<S>;

    fn layer(&self, inner: S) -> ScouterService<S> {
        static SHARED: OnceLock<ServerOptions> = OnceLock::new();
        let options = SHARED.get_or_init(ServerOptions::from_environment);
        ScouterService { inner, options: Options::Shared(options) }
    }
}

/// The options of a service.
#[derive(Debug, Clone)]
pub(crate) enum Options {
    #[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "only `wrap` shares options"))]
    Shared(&'static ServerOptions),
    Own(Arc<ServerOptions>),
}

impl Deref for Options {
    type Target = ServerOptions;

    fn deref(&self) -> &ServerOptions {
        match self {
            Self::Shared(options) => options,
            Self::Own(options) => options,
        }
    }
}

impl ServerOptions {
    fn from_environment() -> Self {
        Self {
            name_with: None,
            ignored: Ignored::default(),
            tenant_header: tenant_header(),
            trust: None,
            slow: None,
            sends_response_id: None,
            stores_user_agent: true,
            forwarded: ForwardedHeader::Either,
            login: None,
            max_active: None,
            load: Load::default(),
        }
    }

    pub(crate) fn trust(&self) -> &Trust {
        match &self.trust {
            Some(trust) => trust,
            None if TRACE_TENANT_TRUSTED.value() => &EVERYONE,
            None => &NOBODY,
        }
    }

    pub(crate) fn sends_response_id(&self) -> bool {
        self.sends_response_id.unwrap_or_else(|| TRACE_RESPONSE_GXID_ENABLED.value())
    }

    pub(crate) fn max_active(&self) -> Option<usize> {
        self.max_active.or_else(load::live_limit).filter(|_| cfg!(feature = "enable"))
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("has_name_with", &self.name_with.is_some())
            .field("ignored", &self.ignored)
            .field("tenant_header", &self.tenant_header)
            .field("trust", &self.trust)
            .field("slow", &self.slow)
            .field("sends_response_id", &self.sends_response_id)
            .field("stores_user_agent", &self.stores_user_agent)
            .field("forwarded", &self.forwarded)
            .field("login", &self.login)
            .field("max_active", &self.max_active)
            .field("load", &self.load)
            .finish()
    }
}
