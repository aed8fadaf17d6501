//! What every part of a running collector shares.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::Semaphore;

use crate::audit::Audit;
use crate::auth::Sessions;
use crate::clock::Clock;
use crate::control::Agents;
use crate::demo::Demo;
use crate::dumps::Dumps;
use crate::ingest::Connections;
use crate::limits::Limits;
use crate::live::{ActiveBands, FirstRun, Hub};
use crate::log::Seldom;
use crate::objects::Objects;
use crate::plugin::Plugins;
use crate::rate::Rate;
use crate::settings::Settings;
use crate::store::Store;
use crate::symbols::Symboliser;
use crate::telemetry::Telemetry;
use crate::tls::Tls;

/// The shared state of one running collector.
#[derive(Debug)]
pub(crate) struct App {
    /// What was received.
    pub(crate) store: Arc<dyn Store>,
    /// The only source of time.
    pub(crate) clock: Clock,
    /// Own counters.
    pub(crate) telemetry: Telemetry,
    /// What may change while it runs.
    pub(crate) settings: RwLock<Arc<Settings>>,
    /// Room for checks of passwords.
    pub(crate) password_checks: Semaphore,
    /// Transactions per second.
    pub(crate) rate: Rate,
    /// Browser sessions.
    pub(crate) sessions: Sessions,
    /// Objects that reported since the start.
    pub(crate) objects: Objects,
    /// Connections that agents have open.
    pub(crate) connections: Connections,
    /// Lines about agents that were refused.
    pub(crate) refusal_log: Seldom,
    /// Agents, for commands.
    pub(crate) agents: Agents,
    /// Live viewers.
    pub(crate) hub: Hub,
    /// Active services of each object by age, while a page shows them.
    pub(crate) active_bands: ActiveBands,
    /// Whether nobody has sent a transaction yet.
    pub(crate) first_run: FirstRun,
    /// Room for exports, see [`MAX_EXPORTS`](crate::limits::MAX_EXPORTS).
    pub(crate) exports: Arc<Semaphore>,
    /// Whose turn it is to upload a debug file.
    pub(crate) uploads: Arc<Semaphore>,
    /// Plugins and their queues.
    pub(crate) plugins: Plugins,
    /// Names for the code in stacks.
    pub(crate) symbols: Symboliser,
    /// Dumps that were taken by themselves.
    pub(crate) dumps: Dumps,
    /// The demo load, if one runs.
    pub(crate) demo: Demo,
    /// Who changed what.
    pub(crate) audit: Audit,
    /// Bounds of the server that do not change.
    pub(crate) limits: Limits,
    /// Where agents connect.
    pub(crate) agent_addr: SocketAddr,
    /// Where the page and the API are.
    pub(crate) http_addr: SocketAddr,
    /// The certificate, where a port speaks TLS.
    pub(crate) tls: Option<Arc<Tls>>,
    /// Told when all open pages are to end: the collector stops, or other people may come in.
    pub(crate) end_of_pages: tokio::sync::watch::Sender<()>,
    /// When this collector started, unix µs.
    pub(crate) started_unix_us: i64,
}

impl App {
    /// What holds at this moment.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    /// Whether people need a token or an account.
    pub(crate) fn guards_people(&self) -> bool {
        self.settings.read().guards_people()
    }

    /// Whether page and API are served by TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.for_http().is_some())
    }

    /// Where the page is, for people.
    pub(crate) fn http_url(&self) -> String {
        let scheme = if self.is_https() { "https" } else { "http" };
        format!("{scheme}://{}/", self.http_addr)
    }
}
