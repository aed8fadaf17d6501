//! Starting the agent.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use scouter_wire::codec::{EncodeError, InstanceId};
use scouter_wire::record::Object;

use crate::collector::{Collector, CollectorSettings, Spool, Timeouts, transport_to};
use crate::config::{DEFAULT_CONFIG_FILE, FILE_VARIABLE, Settings, Watch, listed, object_name};
use crate::core_source::CoreSource;
use crate::guard::Guard;
use crate::last_words::LastWords;
use crate::notice::{Notice, NoticeFn, Notices};
use crate::sink::{Guarded, JsonLines, Sink};
use crate::source::Source;
use crate::telemetry::Telemetry;
use crate::worker::{Intervals, Shared, Worker};
use scouter_wire::codec::DropReason;

/// The agent of this process. [`Agent::builder`] starts it.
#[derive(Debug)]
pub struct Agent(());

impl Agent {
    /// Settings of an agent whose object is called `/host/name`.
    pub fn builder(name: &str) -> Builder {
        Builder {
            settings: Settings::new(name),
            tags: Vec::new(),
            sinks: Vec::new(),
            has_collector: true,
            reads_environment: true,
            is_strict: false,
            config_file: None,
            config: None,
            notice: None,
            timeouts: Timeouts::default(),
            intervals: Intervals::default(),
        }
    }
}

/// Starts the agent with the settings of the environment, for an object called `/host/name`.
///
/// Recording begins at once. Without a collector the application runs as ever: one line says so,
/// and what does not fit the window is counted.
///
/// # Errors
/// [`InitError::AlreadyRunning`] when this process has an agent; [`InitError::Thread`] when no
/// thread can be started.
///
/// # Examples
/// ```no_run
/// let _scouter = scouter_exporter::init("orders")?;
/// # Ok::<(), scouter_exporter::InitError>(())
/// ```
pub fn init(name: &str) -> Result<Guard, InitError> {
    Agent::builder(name).start()
}

/// The agent could not be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum InitError {
    /// This process has an agent already. Keep the first guard; drop it before starting another.
    AlreadyRunning,
    /// The operating system refused a thread, most likely because of a limit on processes.
    Thread(io::Error),
    /// No memory for the encoder.
    Encoder(EncodeError),
    /// Settings that cannot be used, with [`Builder::strict`] only.
    Settings(Vec<String>),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning => f.write_str(
                "this process has a scouter agent already; keep its guard and start only one",
            ),
            Self::Thread(_) => f.write_str("the agent's thread could not be started"),
            Self::Encoder(_) => f.write_str("the agent's encoder could not be made"),
            Self::Settings(mistakes) => {
                write!(f, "settings cannot be used: {}", mistakes.join("; "))
            }
        }
    }
}

impl std::error::Error for InitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Thread(error) => Some(error),
            Self::Encoder(error) => Some(error),
            Self::AlreadyRunning | Self::Settings(_) => None,
        }
    }
}

/// Settings of an agent. What the environment or the options file says beats what is said here.
#[must_use = "an agent begins with `start`"]
pub struct Builder {
    settings: Settings,
    tags: Vec<(String, String)>,
    sinks: Vec<Box<dyn Sink>>,
    has_collector: bool,
    reads_environment: bool,
    is_strict: bool,
    config_file: Option<PathBuf>,
    config: Option<Watch>,
    notice: Option<NoticeFn>,
    timeouts: Timeouts,
    intervals: Intervals,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("object_name", &self.settings.object_name)
            .field("collector", &self.settings.collector)
            .field("sinks", &self.sinks.len())
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Sets where the collector is: `host:port`, or with feature `tls` `tls://host:port`. The name is
    /// looked up at each connection. Of several, separated by commas, the first that answers is
    /// used, until it is gone, refuses the agent or falls silent; what it did not acknowledge goes
    /// to the next one.
    ///
    /// Default: [`DEFAULT_COLLECTOR`](crate::DEFAULT_COLLECTOR). Env: `SCOUTER_COLLECTOR`.
    pub fn collector(mut self, address: impl Into<String>) -> Self {
        self.settings.collector = address.into();
        self
    }

    /// Sets a file of certificates in PEM that are trusted instead of the system's, for a collector
    /// reached by `tls://`. It is read at each connection.
    ///
    /// Default: the system's. Env: `SCOUTER_COLLECTOR_CA`.
    pub fn collector_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.collector_ca = Some(path.into());
        self
    }

    /// Sends to no collector: other sinks only.
    pub fn without_collector(mut self) -> Self {
        self.has_collector = false;
        self
    }

    /// Sets the token that the collector asks for.
    ///
    /// Default: none. Env: `SCOUTER_TOKEN`. It is sent as it is: use it on loopback or inside a
    /// tunnel.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.settings.token = Some(token.into());
        self
    }

    /// Switches the agent off or on. Off, nothing is recorded and no thread is started.
    ///
    /// Default: on. Env: `SCOUTER_ENABLED`.
    pub fn enabled(mut self, is_enabled: bool) -> Self {
        self.settings.enabled = is_enabled;
        self
    }

    /// Adds a fact about the object, such as its build. At most 64 are sent.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Adds a sink beside the collector.
    ///
    /// Env: `SCOUTER_JSON_LINES` adds [`JsonLines`] to a file, or to standard output for `-`.
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Box::new(sink));
        self
    }

    /// Sets how many bytes are kept until the collector has acknowledged them.
    ///
    /// Past it the oldest profiles are dropped first and XLogs last; each is counted by reason.
    ///
    /// Default: [`DEFAULT_WINDOW_BYTES`](crate::DEFAULT_WINDOW_BYTES) (8 MiB). Unit: bytes. Env:
    /// `SCOUTER_WINDOW_BYTES`.
    pub fn window_bytes(mut self, bytes: usize) -> Self {
        self.settings.window_bytes = bytes;
        self
    }

    /// Sets a folder for a spool: a file, readable by nobody else, that takes what does not fit the
    /// window, up to `bytes`. It extends the memory of this process and does not outlive it. A slow
    /// disk slows the agent's thread and nothing else.
    ///
    /// Default: none; [`DEFAULT_SPOOL_BYTES`](crate::DEFAULT_SPOOL_BYTES) (256 MiB). Unit: bytes.
    /// Env: `SCOUTER_SPOOL_FOLDER`, `SCOUTER_SPOOL_BYTES`.
    pub fn spool(mut self, folder: impl Into<PathBuf>, bytes: u64) -> Self {
        self.settings.spool_folder = Some(folder.into());
        self.settings.spool_bytes = bytes;
        self
    }

    /// Sets a folder for a file of last words, readable by nobody else: how the process was, every
    /// two seconds, and its last panic, written before the panic hook returns. It survives
    /// `panic = "abort"`, SIGKILL and the kernel's killing when memory is short. The next agent of
    /// this object that starts with the folder raises an alert
    /// ([`PreviousDeath`](scouter_wire::record::AlertKind::PreviousDeath)) with what it says. An agent
    /// that ends removes its file, so keep the guard until the end of `main`.
    ///
    /// Default: none. Env: `SCOUTER_LAST_WORDS`.
    pub fn last_words(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.last_words = Some(folder.into());
        self
    }

    /// Sets how long the drop of the guard may take to deliver what is left.
    ///
    /// Default: [`DEFAULT_FLUSH_TIMEOUT`](crate::DEFAULT_FLUSH_TIMEOUT) (2 s). Env:
    /// `SCOUTER_FLUSH_TIMEOUT_MS`.
    pub fn flush_timeout(mut self, timeout: Duration) -> Self {
        self.settings.flush_timeout = timeout;
        self
    }

    /// Sets how long the collector may take to answer a connection, and to acknowledge what was
    /// sent. After it the connection is made anew; nothing is lost.
    ///
    /// Default: [`GREETING_TIMEOUT`](crate::GREETING_TIMEOUT) (5 s) and
    /// [`ACK_TIMEOUT`](crate::ACK_TIMEOUT) (15 s).
    pub fn patience(mut self, greeting: Duration, acknowledgement: Duration) -> Self {
        self.timeouts = Timeouts { greeting, ack: acknowledgement };
        self
    }

    /// Sets how often counters and digests are taken.
    ///
    /// Default: [`COUNTER_INTERVAL`](crate::COUNTER_INTERVAL) (2 s) and
    /// [`DIGEST_INTERVAL`](crate::DIGEST_INTERVAL) (10 s).
    pub fn intervals(mut self, counters: Duration, digests: Duration) -> Self {
        self.intervals = Intervals { counters, digests };
        self
    }

    /// Reads settings and recorder options from this file, flat `name = value` lines of TOML, and
    /// watches it: options that change in it take effect within
    /// [`CONFIG_INTERVAL`](crate::CONFIG_INTERVAL) twice, settings of the agent with the next start.
    ///
    /// Default: [`DEFAULT_CONFIG_FILE`](crate::DEFAULT_CONFIG_FILE) (`scouter.toml` where the
    /// application was started), if it is there. Env: `SCOUTER_CONFIG`.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config_file = Some(path.into());
        self
    }

    /// Does not read the environment.
    pub fn without_environment(mut self) -> Self {
        self.reads_environment = false;
        self
    }

    /// Makes a setting that cannot be used an error of [`Builder::start`]. Without it one line
    /// names all of them, and the agent starts with the values they would have replaced.
    pub fn strict(mut self) -> Self {
        self.is_strict = true;
        self
    }

    /// Takes the few lines that the agent says on its own, for instance into a log.
    ///
    /// Default: standard error, which is there before any logger. Called from the agent's thread.
    pub fn on_notice(mut self, say: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notice = Some(Box::new(say));
        self
    }

    /// Starts the agent. It runs until the guard is dropped.
    ///
    /// # Errors
    /// See [`InitError`].
    pub fn start(mut self) -> Result<Guard, InitError> {
        let mistakes = self.read_settings();
        if self.is_strict && !mistakes.is_empty() {
            return Err(InitError::Settings(mistakes));
        }
        let notices = Arc::new(Notices::new(self.notice.take()));
        if !mistakes.is_empty() {
            notices.once(Notice::BadOption, || {
                format!("settings cannot be used and keep their defaults: {}", listed(&mistakes))
            });
        }
        if !self.settings.enabled {
            return Ok(Guard::inert());
        }
        let source = CoreSource::take().ok_or(InitError::AlreadyRunning)?;
        self.spawn(Box::new(source), notices)
    }

    /// Applies file and environment; answers what could not be used.
    fn read_settings(&mut self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let variable = |name: &str| std::env::var(name).ok();
        let file = self
            .reads_environment
            .then(|| variable(FILE_VARIABLE).map(PathBuf::from))
            .flatten()
            .or_else(|| self.config_file.clone())
            .or_else(|| {
                let usual = PathBuf::from(DEFAULT_CONFIG_FILE);
                (self.reads_environment && usual.is_file()).then_some(usual)
            });
        let mut config = file.map(|file| Watch::open(&file, &mut self.settings, &mut mistakes));
        if self.reads_environment {
            let names = self.settings.apply_environment(variable, &mut mistakes);
            if let Some(config) = &mut config {
                config.fix(names);
            }
        }
        self.config = config;
        match self.settings.json_lines.as_deref() {
            None => {}
            Some("-") => self.sinks.push(Box::new(JsonLines::stdout())),
            Some(path) => match JsonLines::file(path) {
                Ok(sink) => self.sinks.push(Box::new(sink)),
                Err(error) => mistakes.push(format!("json_lines: {path}: {error}")),
            },
        }
        mistakes
    }

    fn spawn(self, mut source: Box<dyn Source>, notices: Arc<Notices>) -> Result<Guard, InitError> {
        let telemetry = Arc::new(Telemetry::default());
        let shared = Arc::new(Shared::default());
        let mut sinks = Vec::new();
        if self.has_collector {
            let settings = CollectorSettings {
                transport: transport_to(
                    &self.settings.collector,
                    self.settings.collector_ca.as_deref(),
                ),
                token: self.settings.token.clone(),
                object: object(&self.settings.object_name, self.tags, source.unix_us()),
                instance: random_instance(),
                window_bytes: self.settings.window_bytes,
                spool: open_spool(&self.settings, &notices),
                timeouts: self.timeouts,
            };
            let sink = Collector::new(settings, Arc::clone(&telemetry), Arc::clone(&notices))
                .map_err(InitError::Encoder)?;
            let skipped = Some(DropReason::Unsendable);
            let (telemetry, notices) = (Arc::clone(&telemetry), Arc::clone(&notices));
            sinks.push(Guarded::new(Box::new(sink), skipped, telemetry, notices));
        }
        sinks.extend(
            self.sinks
                .into_iter()
                .map(|sink| Guarded::new(sink, None, Arc::clone(&telemetry), Arc::clone(&notices))),
        );
        let last_words = open_last_words(&self.settings, source.unix_us(), &notices);
        let worker = Worker {
            source,
            last_words,
            config: self.config,
            notices,
            sinks,
            telemetry: Arc::clone(&telemetry),
            shared: Arc::clone(&shared),
            intervals: self.intervals,
        };
        let thread = thread::Builder::new()
            .name("scouter-export".into())
            .spawn(move || worker.run())
            .map_err(InitError::Thread)?;
        Ok(Guard::new(shared, thread, telemetry, self.settings.flush_timeout))
    }
}

/// The file of last words, if one is asked for. Without it the agent works as well.
fn open_last_words(settings: &Settings, unix_us: i64, notices: &Notices) -> Option<LastWords> {
    let folder = settings.last_words.as_ref()?;
    match LastWords::open(folder, &object_name(&settings.object_name), unix_us) {
        Ok(words) => Some(words),
        Err(error) => {
            notices.once(Notice::LastWords, || {
                format!("no last words in {}: {error}", folder.display())
            });
            None
        }
    }
}

/// The spool, if one is asked for. Without it the agent works as well, so a failure is only said.
fn open_spool(settings: &Settings, notices: &Notices) -> Option<Spool> {
    let folder = settings.spool_folder.as_ref()?;
    match Spool::open(folder, settings.spool_bytes) {
        Ok(spool) => Some(spool),
        Err(error) => {
            notices.once(Notice::Spool, || {
                format!(
                    "no spool in {}: {error}; what does not fit the window is dropped and counted",
                    folder.display()
                )
            });
            None
        }
    }
}

fn object(name: &str, mut tags: Vec<(String, String)>, started_unix_us: i64) -> Object {
    for (key, value) in [("os", std::env::consts::OS), ("arch", std::env::consts::ARCH)] {
        tags.push((key.to_owned(), value.to_owned()));
    }
    Object {
        name: object_name(name),
        object_type: "rust".to_owned(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_unix_us,
        tags,
    }
}

/// Random by the seeds that the standard library draws from the operating system.
fn random_instance() -> InstanceId {
    let half = || u128::from(RandomState::new().hash_one(std::process::id()));
    InstanceId(half() << 64 | half())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agent_is_an_instance_of_its_own() {
        assert_ne!(random_instance(), random_instance());
    }

    #[test]
    fn errors_say_what_to_do_and_keep_their_source() {
        assert!(InitError::AlreadyRunning.to_string().contains("start only one"));
        let error = InitError::Thread(io::Error::other("limit"));
        assert!(std::error::Error::source(&error).is_some());
        let settings = InitError::Settings(vec!["a".into(), "b".into()]);
        assert_eq!(settings.to_string(), "settings cannot be used: a; b");
    }
}
