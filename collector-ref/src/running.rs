//! A collector that runs, reads its configuration again, and ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::api::router;
use crate::app::App;
use crate::collector::Builder;
use crate::engine::Engine;
use crate::error::{ShutdownError, StartError};
use crate::self_watch;
use crate::settings::{Fixed, Reloaded, Settings};
use crate::tls::{Tls, TlsListener, keep_renewed};

/// How long a stopping collector waits for answers that are under way.
const HTTP_STOP_TIMEOUT: Duration = Duration::from_secs(3);

fn watch_itself(app: &App, fixed: &Fixed) -> Option<scouter_exporter::Guard> {
    let token = app.settings().tokens.agent.clone();
    fixed.watches_itself.then(|| self_watch::start(app.agent_addr, token.as_deref())).flatten()
}

/// A collector that runs. Dropping it stops it without waiting; [`Running::shutdown`] is the way
/// that loses nothing that was received.
#[derive(Debug)]
pub struct Running {
    app: Arc<App>,
    engine: Engine,
    renewing: Option<JoinHandle<()>>,
    http: JoinHandle<()>,
    stop_http: Option<oneshot::Sender<()>>,
    own_agent: Option<scouter_exporter::Guard>,
    fixed: Fixed,
}

impl Running {
    pub(crate) fn start(
        engine: Engine,
        http: TcpListener,
        fixed: Fixed,
    ) -> Result<Self, StartError> {
        let app = Arc::clone(engine.app());
        let (stop_http, stopped) = oneshot::channel::<()>();
        let mut router = router(&app);
        if fixed.watches_itself {
            router = scouter_tower::wrap(router);
        }
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        // Whether it is sent or dropped, it means the same.
        let stop = async { drop(stopped.await) };
        let renewing = app.tls.clone().map(|tls| tokio::spawn(keep_renewed(tls)));
        let http = match app.tls.as_deref().and_then(Tls::for_http).cloned() {
            Some(configuration) => {
                let tls = TlsListener::start(Arc::clone(&app), http, configuration)
                    .map_err(StartError::System)?;
                let serve = axum::serve(tls.tap_io(|_| {}), service).with_graceful_shutdown(stop);
                tokio::spawn(async move { drop(serve.await) })
            }
            None => {
                let serve = axum::serve(http, service).with_graceful_shutdown(stop);
                tokio::spawn(async move { drop(serve.await) })
            }
        };
        Ok(Self {
            own_agent: watch_itself(&app, &fixed),
            engine,
            renewing,
            http,
            stop_http: Some(stop_http),
            fixed,
            app,
        })
    }

    /// Takes over from a configuration that was read again what may change while it runs: tokens,
    /// accounts, host names, how many agents and pages there may be, and how long things are kept.
    ///
    /// If other people may come in than before, all must log in again; if other agents may connect,
    /// all connect again, and lose nothing.
    ///
    /// # Errors
    /// If a collector with this configuration would not start, or would not on the ports that are
    /// open now; nothing has changed.
    pub async fn reload(&mut self, mut wanted: Builder) -> Result<Reloaded, StartError> {
        let after_restart = self.fixed.differences(&Fixed::of(&wanted));
        // They stay open for everybody who may reach them now.
        (wanted.agents, wanted.http) = (self.app.agent_addr, self.app.http_addr);
        wanted.check()?;
        let settings = Arc::new(Settings::of(&wanted));
        let before = std::mem::replace(&mut *self.app.settings.write(), Arc::clone(&settings));
        let mut changed = before.differences(&settings);
        if settings.lets_others_in(&before) {
            self.app.sessions.close_all();
            self.app.end_of_pages.send_replace(());
        }
        if settings.lets_other_agents_in(&before) {
            self.app.connections.renew();
            let own_agent = self.own_agent.take();
            // It waits for its last records.
            let _ended = tokio::task::spawn_blocking(move || drop(own_agent)).await;
            self.own_agent = watch_itself(&self.app, &self.fixed);
        }
        let keep = wanted.store.retention();
        if keep != self.app.store.retention() {
            self.app.store.set_retention(keep);
            changed.push("retention");
        }
        Ok(Reloaded { changed, after_restart })
    }

    /// Where agents connect.
    #[must_use]
    pub fn agent_addr(&self) -> SocketAddr {
        self.app.agent_addr
    }

    /// Where page and API are.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.app.http_addr
    }

    /// Where the page is: `http://address/`, or `https://` with TLS.
    #[must_use]
    pub fn http_url(&self) -> String {
        self.app.http_url()
    }

    /// Ends the collector: no new connections, what was received is stored, acknowledged and
    /// sealed, plugins get what is queued for them, answers under way are finished. Takes at most
    /// some seconds beyond the last write to the disk.
    ///
    /// # Errors
    /// If what is in memory could not be sealed; it is in the write-ahead log and comes back with
    /// the next start.
    ///
    /// # Cancel safety
    /// When dropped half-way the rest of the shutdown does not happen; the write-ahead log holds
    /// everything that was acknowledged.
    pub async fn shutdown(mut self) -> Result<(), ShutdownError> {
        self.end_renewing();
        // Its folder must not stay, and its process must not go on.
        let _removed = self.app.demo.remove().await;
        self.stop_http.take();
        let own_agent = self.own_agent.take();
        // While its connection is still served, so that its last records arrive.
        let closed = self.engine.stop(move || drop(own_agent));
        if tokio::time::timeout(HTTP_STOP_TIMEOUT, &mut self.http).await.is_err() {
            self.http.abort();
        }
        closed.await.map_err(|_| ShutdownError::Crashed)?.map_err(ShutdownError::Seal)
    }

    fn end_renewing(&self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // While its connection is still served, so that it need not wait for it in vain.
        self.own_agent.take();
        self.end_renewing();
        self.http.abort();
    }
}
