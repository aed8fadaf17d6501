//! What a collector is to be like, and its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc::channel;
use tokio::sync::{Semaphore, watch};

use crate::app::App;
use crate::audit::Audit;
use crate::auth::{Accounts, MAX_PASSWORD_CHECKS, Sessions, Tokens};
use crate::clock::Clock;
use crate::control::Agents;
use crate::demo::Demo;
use crate::dumps::{AutoDump, Dumps, MAX_WANTED, Triggers};
use crate::engine::Engine;
use crate::error::StartError;
use crate::ingest::Connections;
use crate::limits::{Limits, MAX_EXPORTS};
use crate::live::{ActiveBands, FirstRun, Hub};
use crate::log::Seldom;
use crate::objects::Objects;
use crate::plugin::{CollectorPlugin, PluginLimits, Plugins};
use crate::rate::Rate;
use crate::running::Running;
use crate::settings::{Fixed, Settings};
use crate::store::Store;
use crate::store::local::{LocalStore, StoreConfig};
use crate::symbols::Symboliser;
use crate::telemetry::Telemetry;
use crate::tls::{Tls, TlsFiles};

/// Where agents connect when nothing else is said.
pub const DEFAULT_AGENTS: SocketAddr = loopback(6100);

/// Where page and API are when nothing else is said.
pub const DEFAULT_HTTP: SocketAddr = loopback(6180);

/// The data folder when nothing else is said, relative to the current folder.
pub const DEFAULT_DATA: &str = "scouter-data";

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}

/// The collector: [`Collector::builder`] makes one.
#[derive(Debug)]
#[non_exhaustive]
pub struct Collector;

impl Collector {
    /// A collector with the documented defaults.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// What a collector is to be like.
pub struct Builder {
    pub(crate) store: StoreConfig,
    pub(crate) agents: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) tokens: Tokens,
    pub(crate) accounts: Accounts,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) public_hosts: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) auto_dump: AutoDump,
    plugins: Vec<(Box<dyn CollectorPlugin>, PluginLimits)>,
    clock: Clock,
    pub(crate) watches_itself: bool,
    demo_program: Option<PathBuf>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("store", &self.store)
            .field("agents", &self.agents)
            .field("http", &self.http)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            store: StoreConfig::new(DEFAULT_DATA),
            agents: DEFAULT_AGENTS,
            http: DEFAULT_HTTP,
            tokens: Tokens::default(),
            accounts: Accounts::default(),
            tls: None,
            public_hosts: Vec::new(),
            limits: Limits::default(),
            auto_dump: AutoDump::default(),
            plugins: Vec::new(),
            clock: Clock::system(),
            watches_itself: false,
            demo_program: None,
        }
    }
}

impl Builder {
    /// Sets the data folder; it is made when it is not there. One collector at a time has it open.
    ///
    /// Default: [`DEFAULT_DATA`]. Config: `data`. Option: `--data`.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.store.folder = folder.into();
        self
    }

    /// Sets everything about the store: durability, sealing, retention. Replaces what
    /// [`Builder::data`] set before.
    #[must_use]
    pub fn store(mut self, config: StoreConfig) -> Self {
        self.store = config;
        self
    }

    /// Sets where agents connect. Port 0 takes any free one; [`Running::agent_addr`] says which.
    ///
    /// Default: [`DEFAULT_AGENTS`]. Config: `agents`. Option: `--agents`.
    #[must_use]
    pub fn agents(mut self, address: SocketAddr) -> Self {
        self.agents = address;
        self
    }

    /// Sets where page and API are. Port 0 takes any free one; [`Running::http_addr`] says which.
    ///
    /// Default: [`DEFAULT_HTTP`]. Config: `http`. Option: `--http`.
    #[must_use]
    pub fn http(mut self, address: SocketAddr) -> Self {
        self.http = address;
        self
    }

    /// Sets who may do what. Beyond loopback, a port that nobody needs a token (or, for the page, an
    /// account) for is refused at the start.
    ///
    /// Default: no tokens. Env: `SCOUTER_COLLECTOR_TOKEN`. Option: `--token`.
    #[must_use]
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = tokens;
        self
    }

    /// Sets who may log in to the page with a password.
    ///
    /// Default: nobody. Config: `[accounts]`.
    #[must_use]
    pub fn accounts(mut self, accounts: Accounts) -> Self {
        self.accounts = accounts;
        self
    }

    /// Sets the certificate for TLS on both ports, or on one of them.
    ///
    /// Default: none, both are plain. Config: `[tls]`.
    #[must_use]
    pub fn tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// Sets host names under which the page may be opened. Addresses and `localhost` always may;
    /// other names are refused, so that no page can reach the collector by DNS rebinding.
    ///
    /// Default: none. Config: `public_hosts`.
    #[must_use]
    pub fn public_hosts(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.public_hosts = names.into_iter().collect();
        self
    }

    /// Sets the bounds of the server.
    ///
    /// Default: see [`Limits`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets when a process is dumped because it looks bad.
    ///
    /// Default: never. Config: `[auto_dump]`.
    #[must_use]
    pub fn auto_dump(mut self, rules: AutoDump) -> Self {
        self.auto_dump = rules;
        self
    }

    /// Adds a plugin with the documented bounds.
    #[must_use]
    pub fn plugin(self, plugin: impl CollectorPlugin) -> Self {
        self.plugin_with(plugin, PluginLimits::default())
    }

    /// Adds a plugin with bounds of its own.
    #[must_use]
    pub fn plugin_with(mut self, plugin: impl CollectorPlugin, limits: PluginLimits) -> Self {
        self.plugins.push((Box::new(plugin), limits));
        self
    }

    /// Sets the clock. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the collector record its own HTTP requests, as the object `/host/scouter-collector`.
    ///
    /// It uses the recorder of the process: leave it off where an application is recorded too.
    ///
    /// Default: off; the binary switches it on. Config: `watch_itself`.
    #[must_use]
    pub fn watch_itself(mut self, watches_itself: bool) -> Self {
        self.watches_itself = watches_itself;
        self
    }

    /// Offers the page's demo load, for somebody without a service at hand. It is played by a process of
    /// this program, which is given [`PLAY_TASK`](crate::demo::PLAY_TASK) and an address, and is to call
    /// [`demo::play`](crate::demo::play).
    ///
    /// Default: none is offered; the binary offers it.
    #[must_use]
    pub fn demo_program(mut self, program: impl Into<PathBuf>) -> Self {
        self.demo_program = Some(program.into());
        self
    }

    /// Opens the data folder, recovers what is in it, takes the ports and serves.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running.
    ///
    /// # Cancel safety
    /// A start that is dropped half-way leaves nothing running; the folder may have been made.
    pub async fn start(self) -> Result<Running, StartError> {
        self.check()?;
        let fixed = Fixed::of(&self);
        let tls = match self.tls.clone() {
            Some(files) => Some(Arc::new(Tls::open(files).map_err(StartError::Tls)?)),
            None => None,
        };
        self.warn_of_plain_ports(tls.as_deref());
        let agents = bind(self.agents, "agents").await?;
        let http = bind(self.http, "http").await?;
        let http_addr = http.local_addr().map_err(StartError::System)?;
        let engine = self.engine(agents, http_addr, tls).await?;
        Running::start(engine, http, fixed)
    }

    /// Opens the data folder and starts what works behind the HTTP port.
    pub(crate) async fn engine(
        mut self,
        agents: TcpListener,
        http_addr: SocketAddr,
        tls: Option<Arc<Tls>>,
    ) -> Result<Engine, StartError> {
        let settings = Settings::of(&self);
        let agent_addr = agents.local_addr().map_err(StartError::System)?;
        let mut config = self.store;
        config.clock = self.clock.of_store();
        let data = config.folder.clone();
        let opened = tokio::task::spawn_blocking(move || LocalStore::open(config)).await;
        let store: Arc<dyn Store> = Arc::new(opened.map_err(|_| StartError::Crashed)??);
        let (want_dump, wanted_dumps) = channel(MAX_WANTED);
        if self.auto_dump.is_on() {
            let triggers = Triggers::new(self.auto_dump, self.clock.clone(), want_dump);
            self.plugins.push((Box::new(triggers), PluginLimits::default()));
        }
        let plugins = Plugins::start(self.plugins).map_err(StartError::System)?;
        let app = Arc::new(App {
            store,
            telemetry: Telemetry::default(),
            settings: RwLock::new(Arc::new(settings)),
            password_checks: Semaphore::new(MAX_PASSWORD_CHECKS),
            rate: Rate::default(),
            sessions: Sessions::default(),
            objects: Objects::default(),
            connections: Connections::default(),
            refusal_log: Seldom::default(),
            agents: Agents::default(),
            hub: Hub::default(),
            active_bands: ActiveBands::default(),
            first_run: FirstRun::default(),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
            uploads: Arc::new(Semaphore::new(1)),
            plugins,
            symbols: Symboliser::new(&data),
            dumps: Dumps::new(&data),
            demo: Demo::new(&data, self.demo_program),
            audit: Audit::new(&data),
            limits: self.limits,
            agent_addr,
            http_addr,
            tls,
            end_of_pages: watch::channel(()).0,
            started_unix_us: self.clock.unix_us(),
            clock: self.clock,
        });
        Engine::start(app, agents, wanted_dumps)
    }

    /// Says which port shows tokens and records to whoever listens on the network.
    fn warn_of_plain_ports(&self, tls: Option<&Tls>) {
        let is_secret = |port: fn(&Tls) -> Option<&Arc<ServerConfig>>| {
            tls.is_some_and(|tls| port(tls).is_some())
        };
        let agents = (self.agents, "agents", is_secret(Tls::for_agents));
        let http = (self.http, "http", is_secret(Tls::for_http));
        for (address, what, is_secret) in [agents, http] {
            if !address.ip().is_loopback() && !is_secret {
                tracing::warn!(
                    %address,
                    "the port for {what} is reached from other machines without TLS: tokens and \
                     records can be read on the way; configure [tls]"
                );
            }
        }
    }

    /// Refuses to listen beyond loopback without a token, or with one that is no secret, and what
    /// can mean nothing.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if let Some(role) = self.tokens.too_short() {
            return Err(StartError::ShortToken { role });
        }
        if let Some(name) = self.accounts.unusable() {
            return Err(StartError::UnusableAccount { name: name.to_owned() });
        }
        let http_is_open = !self.http.ip().is_loopback() && !Settings::of(self).guards_people();
        let agents_are_open = !self.agents.ip().is_loopback() && !self.tokens.guards_agents();
        if let Some(name) = self.auto_dump.unknown_alert() {
            return Err(StartError::UnknownAlert { name: name.to_owned() });
        }
        match (agents_are_open, http_is_open) {
            (true, _) => Err(StartError::TokenNeeded { what: "agents", address: self.agents }),
            (_, true) => Err(StartError::TokenNeeded { what: "http", address: self.http }),
            _ => Ok(()),
        }
    }
}

async fn bind(address: SocketAddr, what: &'static str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortTaken { what, address },
        _ => StartError::Bind { what, address, source },
    })
}
