//! The demo load: made-up traffic for somebody without a service at hand, in a world of its own.
//!
//! Nothing of it touches what this collector keeps: a second store in a folder of its own, with a
//! port for agents and objects of its own, is shown below `/demo/` and gone with one click. The
//! traffic comes from a process of the same program with a real agent ([`play`]), so that what
//! looks into a running process has one to look into.
//!
//! One runs at a time. It plays for [`PLAY_TIME`], about 30 transactions a second, which is some MB;
//! what it left is shown until it is removed, or the collector ends.

mod play;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use crate::api::inner_router;
use crate::app::App;
use crate::auth::Tokens;
use crate::collector::Builder;
use crate::engine::Engine;
use crate::error::StartError;
pub use play::{PlayError, play};

/// How long the made-up traffic goes on.
pub const PLAY_TIME: Duration = Duration::from_mins(10);

/// First argument of the program that plays it; the second one is where agents connect.
pub const PLAY_TASK: &str = "demo-load";

/// The variable in which that program gets its token.
const TOKEN_VARIABLE: &str = "SCOUTER_DEMO_TOKEN";

/// Folder of its data, in that of the collector.
const FOLDER: &str = "demo-load";

/// The demo load of a collector.
#[derive(Debug)]
pub(crate) struct Demo {
    /// What plays it; without, none is offered.
    program: Option<PathBuf>,
    folder: PathBuf,
    /// Whose turn it is to start or remove it.
    turn: tokio::sync::Mutex<()>,
    world: Mutex<Option<World>>,
}

/// A collector within this one, and its traffic.
#[derive(Debug)]
struct World {
    traffic: Traffic,
    engine: Engine,
    router: Router,
    since: Since,
}

/// When one was started, and until when its traffic goes on, unix µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) started_unix_us: i64,
    pub(crate) ends_unix_us: i64,
}

/// Why there is no demo load.
#[derive(Debug)]
pub(crate) enum DemoError {
    /// The collector is part of another program, which offers none.
    NotOffered,
    /// Its folder cannot be emptied.
    Folder(io::Error),
    /// Its collector does not start.
    Start(StartError),
    /// Its traffic does not start.
    Play(io::Error),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered => f.write_str(
                "this collector is part of another program and offers no demo load: run \
                 scouter-collector, or the demo of the repository",
            ),
            Self::Folder(error) => write!(f, "the demo load's folder cannot be emptied: {error}"),
            Self::Start(error) => write!(f, "the demo load's collector does not start: {error}"),
            Self::Play(error) => write!(f, "the demo load's traffic does not start: {error}"),
        }
    }
}

impl std::error::Error for DemoError {}

impl Demo {
    /// The demo load of a collector with this data folder. What one left that was killed is deleted.
    pub(crate) fn new(data: &Path, program: Option<PathBuf>) -> Self {
        let folder = data.join(FOLDER);
        if let Err(error) = empty(&folder) {
            tracing::warn!(%error, "what is left of a demo load cannot be deleted");
        }
        Self { program, folder, turn: tokio::sync::Mutex::default(), world: Mutex::default() }
    }

    /// Whether it may be started here at all.
    pub(crate) fn is_offered(&self) -> bool {
        self.program.is_some()
    }

    /// The one that is there.
    pub(crate) fn since(&self) -> Option<Since> {
        self.world.lock().as_ref().map(|world| world.since)
    }

    /// What answers for it.
    pub(crate) fn router(&self) -> Option<Router> {
        self.world.lock().as_ref().map(|world| world.router.clone())
    }

    /// Starts it, unless it is there.
    ///
    /// # Errors
    /// See [`DemoError`]; nothing of it is left then.
    pub(crate) async fn start(&self, of: &App) -> Result<Since, DemoError> {
        let program = self.program.as_deref().ok_or(DemoError::NotOffered)?;
        let _turn = self.turn.lock().await;
        if let Some(since) = self.since() {
            return Ok(since);
        }
        self.empty().await?;
        let world = World::start(program, &self.folder, of).await?;
        let since = world.since;
        *self.world.lock() = Some(world);
        Ok(since)
    }

    /// Removes it with all its data.
    ///
    /// # Errors
    /// If its folder cannot be deleted; nothing of it is shown any more then.
    pub(crate) async fn remove(&self) -> Result<(), DemoError> {
        let _turn = self.turn.lock().await;
        let Some(world) = self.world.lock().take() else { return Ok(()) };
        let World { traffic, mut engine, router, .. } = world;
        // A store that cannot be closed is deleted all the same.
        let _closed = engine.stop(move || drop(traffic)).await;
        drop((engine, router));
        self.empty().await
    }

    async fn empty(&self) -> Result<(), DemoError> {
        let folder = self.folder.clone();
        let emptied = tokio::task::spawn_blocking(move || empty(&folder)).await;
        emptied.map_err(io::Error::other).and_then(|emptied| emptied).map_err(DemoError::Folder)
    }
}

fn empty(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl World {
    async fn start(program: &Path, folder: &Path, of: &App) -> Result<Self, DemoError> {
        let system = |error| DemoError::Start(StartError::System(error));
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let agents = TcpListener::bind(any).await.map_err(system)?;
        let address = agents.local_addr().map_err(system)?;
        let token = secret().map_err(system)?;
        let tokens = Tokens { agent: Some(token.clone()), ..Tokens::default() };
        let builder = Builder::default().data(folder).tokens(tokens).clock(of.clock.clone());
        let engine = builder.engine(agents, of.http_addr, None).await.map_err(DemoError::Start)?;
        let router = inner_router(engine.app());
        let traffic = Traffic::start(program, address, &token).map_err(DemoError::Play)?;
        let started_unix_us = of.clock.unix_us();
        let play_us = i64::try_from(PLAY_TIME.as_micros()).unwrap_or(i64::MAX);
        let since =
            Since { started_unix_us, ends_unix_us: started_unix_us.saturating_add(play_us) };
        Ok(Self { traffic, engine, router, since })
    }
}

/// What only the process that plays it knows, so that no other agent of this machine comes in.
fn secret() -> io::Result<String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The process that plays it. It is ended when this is dropped, and ends by itself when this process
/// does, however that ends.
#[derive(Debug)]
struct Traffic(Child);

impl Traffic {
    fn start(program: &Path, collector: SocketAddr, token: &str) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(PLAY_TASK).arg(collector.to_string()).env(TOKEN_VARIABLE, token);
        // It reads until we are gone.
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command.spawn().map(Self)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
