//! A collector without its HTTP port: what takes records from agents, keeps them and tells viewers.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::net::TcpListener;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::dumps::{Wanted, run_dumps};
use crate::error::StartError;
use crate::ingest::accept_agents;
use crate::live::{run_bands, run_fanout};
use crate::store::AppendError;

/// What runs behind the HTTP port. Dropping it stops it without waiting; [`Engine::stop`] is the way
/// that loses nothing that was received.
#[derive(Debug)]
pub(crate) struct Engine {
    app: Arc<App>,
    accepting: JoinHandle<()>,
    bands: JoinHandle<()>,
    dumps: JoinHandle<()>,
    /// The fan-out thread ends when this is dropped.
    fanout: Option<SyncSender<()>>,
}

impl Engine {
    pub(crate) fn start(
        app: Arc<App>,
        agents: TcpListener,
        wanted_dumps: Receiver<Wanted>,
    ) -> Result<Self, StartError> {
        let (fanout, stop_fanout) = sync_channel(0);
        let of_thread = Arc::clone(&app);
        std::thread::Builder::new()
            .name("live-fanout".into())
            .spawn(move || run_fanout(&of_thread, &stop_fanout))
            .map_err(StartError::System)?;
        Ok(Self {
            accepting: tokio::spawn(accept_agents(Arc::clone(&app), agents)),
            bands: tokio::spawn(run_bands(Arc::clone(&app))),
            dumps: tokio::spawn(run_dumps(Arc::clone(&app), wanted_dumps)),
            fanout: Some(fanout),
            app,
        })
    }

    /// What its parts share.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Takes no new connections and closes pages; then `first`, while connections are still served;
    /// then what was received is stored, acknowledged and sealed, and plugins get what is queued.
    /// What it answers says whether that could be sealed.
    pub(crate) fn stop(
        &mut self,
        first: impl FnOnce() + Send + 'static,
    ) -> JoinHandle<Result<(), AppendError>> {
        self.end_tasks();
        self.app.end_of_pages.send_replace(());
        self.fanout.take();
        let app = Arc::clone(&self.app);
        tokio::task::spawn_blocking(move || {
            first();
            app.connections.stop();
            app.plugins.stop();
            app.store.close()
        })
    }

    /// Ends what runs for ever.
    fn end_tasks(&self) {
        self.accepting.abort();
        self.bands.abort();
        self.dumps.abort();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end_tasks();
        self.app.end_of_pages.send_replace(());
        self.app.connections.begin_stop();
    }
}
