//! The collector as a program.
#![forbid(unsafe_code)]

mod ask;

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, getrlimit, setrlimit};
use scouter_collector::demo::{PLAY_TASK, play};
use scouter_collector::generate::{Plan, fill};
use scouter_collector::store::local::{CheckReport, check, repair};
use scouter_collector::store::{CorruptFile, OpenError};
use scouter_collector::{Builder, Clock, FileConfig, Running, Tokens, hash_password};

/// Receives what Scouter agents record, keeps it, and shows it.
#[derive(Parser)]
#[command(name = "scouter-collector", version)]
struct Options {
    #[command(subcommand)]
    task: Option<Task>,
    /// Data folder; made when it is not there [default: scouter-data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Where agents connect [default: 127.0.0.1:6100]
    #[arg(long, value_name = "ADDRESS")]
    agents: Option<SocketAddr>,
    /// Where page and API are [default: 127.0.0.1:6180]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Token for agents and people; needed beyond loopback
    #[arg(long, value_name = "TOKEN", env = "SCOUTER_COLLECTOR_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Form of the log on standard error
    #[arg(long, value_name = "FORM", value_enum, default_value_t, env = "SCOUTER_COLLECTOR_LOG")]
    log: LogForm,
    /// Configuration file in TOML; options above win over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What the lines of the log are.
#[derive(Clone, Copy, Default, clap::ValueEnum)]
enum LogForm {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for what gathers logs.
    Json,
}

/// Something else than to run.
#[derive(Subcommand)]
enum Task {
    /// Print the hash of a password for an account in the configuration file; the password is asked
    /// for, or read from standard input
    HashPassword,
    /// Read everything in a data folder that no collector uses, and say what is damaged; the exit
    /// code is 1 if anything is
    Check {
        /// The data folder
        folder: PathBuf,
    },
    /// Fill a new data folder with generated transactions, for trials; it must be empty
    Generate {
        /// The data folder
        folder: PathBuf,
        /// How many transactions, at most 1000000000
        #[arg(long, default_value_t = 1_000_000)]
        transactions: u64,
        /// Over how many minutes, until now, they are spread, at most ten years
        #[arg(long, default_value_t = 60)]
        minutes: u64,
        /// The same seed gives the same transactions
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Check a data folder, set aside what is damaged, and write its manifest anew; deletes nothing
    Repair {
        /// The data folder
        folder: PathBuf,
    },
    /// Play the demo load to the collector that has started this; for that collector's use only
    #[command(name = PLAY_TASK, hide = true)]
    DemoLoad {
        /// Where agents connect
        collector: SocketAddr,
    },
    /// Give a running collector the debug file of a program that is stripped, or runs elsewhere; the
    /// token is that of --token
    UploadSymbols(ask::Upload),
    /// Ask a running agent by way of a running collector; the token is that of --token
    Ask(ask::Question),
}

fn main() -> ExitCode {
    let options = Options::parse();
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    match options.log {
        LogForm::Text => log.init(),
        LogForm::Json => log.json().flatten_event(true).init(),
    }
    let result = match options.task {
        None => run(options),
        Some(Task::HashPassword) => print_hash(),
        Some(Task::Generate { ref folder, transactions, minutes, seed }) => {
            generate(folder, transactions, minutes, seed)
        }
        Some(Task::DemoLoad { collector }) => play(collector).map_err(Into::into),
        Some(Task::Check { ref folder }) => return finish(tell(check(folder))),
        Some(Task::Ask(ref question)) => print(question.ask(options.token.as_deref())),
        Some(Task::UploadSymbols(ref upload)) => print(upload.send(options.token.as_deref())),
        Some(Task::Repair { ref folder }) => return finish(tell(repair(folder))),
    };
    finish(result.map(|()| ExitCode::SUCCESS))
}

fn print(
    text: Result<String, Box<dyn std::error::Error>>,
) -> Result<(), Box<dyn std::error::Error>> {
    Ok(std::io::stdout().write_all(text?.as_bytes())?)
}

fn finish(result: Result<ExitCode, Box<dyn std::error::Error>>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) => {
            // If nobody reads standard error, the exit code still tells.
            let _ = writeln!(std::io::stderr(), "scouter-collector: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    allow_many_files();
    let builder = builder(&options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut running = builder.start().await?;
        // Before anybody is told that it runs, and may want to end it.
        let mut signals = Signals::catch()?;
        announce(&running)?;
        let signal = loop {
            match signals.next().await? {
                Asked::End(signal) => break signal,
                Asked::Reload => reload(&options, &mut running).await,
            }
        };
        tracing::info!(signal, "stopping");
        running.shutdown().await?;
        tracing::info!("stopped, everything is stored");
        Ok(())
    })
}

/// Takes as many file handles as the system lets this process have: each agent and each page needs
/// one, and the limit that holds at first is often 1,024 for the sake of programs that use `select`.
fn allow_many_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// How often a long generation says how far it is.
const PROGRESS_STEP: u64 = 1_000_000;

fn generate(
    folder: &Path,
    transactions: u64,
    minutes: u64,
    seed: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let end_unix_us = Clock::system().unix_us();
    let span = Duration::from_secs(minutes.saturating_mul(60));
    let plan = Plan { transactions, seed, end_unix_us, span };
    let mut told = 0;
    fill(folder, &plan, &mut |done| {
        if done / PROGRESS_STEP > told {
            told = done / PROGRESS_STEP;
            tracing::info!(done, of = transactions, "generating");
        }
    })?;
    writeln!(
        std::io::stdout(),
        "{transactions} transactions of {minutes} minutes in {}; look at them with \
         scouter-collector --data {0}",
        folder.display()
    )?;
    Ok(())
}

/// Prints what was found; what is damaged and is now set aside is a success of a repair.
fn tell(report: Result<CheckReport, OpenError>) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let report = report?;
    let mut out = std::io::stdout().lock();
    for CorruptFile { path, reason } in &report.damaged {
        writeln!(out, "damaged {}: {reason}", path.display())?;
    }
    for CorruptFile { path, reason } in &report.notes {
        writeln!(out, "note {}: {reason}", path.display())?;
    }
    for (from, to) in &report.moved {
        writeln!(out, "moved {} to {}", from.display(), to.display())?;
    }
    let (files, bytes, damaged) = (report.files, report.bytes, report.damaged.len());
    writeln!(out, "{files} files with {bytes} bytes read, {damaged} damaged")?;
    Ok(if report.is_sound() || report.is_repaired { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks for a password twice on a terminal, else takes the first line of standard input.
fn print_hash() -> Result<(), Box<dyn std::error::Error>> {
    let password = if std::io::stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ")?;
        if rpassword::prompt_password("Once more: ")? != password {
            return Err("the two passwords differ: try again".into());
        }
        password
    } else {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    };
    writeln!(std::io::stdout(), "{}", hash_password(&password)?)?;
    Ok(())
}

/// Reads the configuration again. What is wrong with it is said, and what held before holds on.
async fn reload(options: &Options, running: &mut Running) {
    let result = match builder(options) {
        Ok(wanted) => running.reload(wanted).await.map_err(Into::into),
        Err(error) => Err(error),
    };
    match result {
        Ok(reloaded) => tracing::info!("the configuration was read again, {reloaded}"),
        Err(error) => tracing::error!(%error, "the configuration stays as it was"),
    }
}

fn builder(options: &Options) -> Result<Builder, Box<dyn std::error::Error>> {
    let config = match &options.config {
        None => FileConfig::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                format!("cannot read the configuration file {}: {error}", path.display())
            })?;
            FileConfig::parse(&text).map_err(|error| {
                format!("the configuration file {} is wrong: {error}", path.display())
            })?
        }
    };
    let mut builder = config.into_builder();
    if let Some(folder) = &options.data {
        builder = builder.data(folder);
    }
    if let Some(address) = options.agents {
        builder = builder.agents(address);
    }
    if let Some(address) = options.http {
        builder = builder.http(address);
    }
    if let Ok(program) = std::env::current_exe() {
        builder = builder.demo_program(program);
    }
    if let Some(token) = &options.token {
        builder = builder.tokens(Tokens::single(token));
    }
    Ok(builder)
}

/// Prints where it listens, one line each, for people and for programs that start it.
fn announce(running: &Running) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "agents {}", running.agent_addr())?;
    writeln!(out, "http {}", running.http_url())?;
    out.flush()
}

/// What a signal asks for.
enum Asked {
    End(&'static str),
    Reload,
}

/// Ctrl-C, SIGTERM and SIGHUP, which are caught from the moment this is made.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn catch() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> std::io::Result<Asked> {
        tokio::select! {
            _ = self.interrupt.recv() => Ok(Asked::End("interrupt")),
            _ = self.terminate.recv() => Ok(Asked::End("terminate")),
            _ = self.hangup.recv() => Ok(Asked::Reload),
        }
    }
}

/// Ctrl-C; there is no signal here that could ask to read the configuration again.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn catch() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> std::io::Result<Asked> {
        tokio::signal::ctrl_c().await.map(|()| Asked::End("interrupt"))
    }
}
