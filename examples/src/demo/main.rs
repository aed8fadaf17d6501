//! `cargo demo`: a small shop under load, and the collector that shows it.
//!
//! This binary starts, watches and ends four processes on loopback: the collector and the services
//! front, orders and billing. Each is this same binary with the name of a role. A process that dies
//! is started again at its address, so that you may `kill -9` any of them and see what happens.
//! SIGUSR1 ends the load and leaves the shop running, so that its books can be compared at rest.

mod child;
mod ledger;
mod load;
mod roles;
mod signal;
mod supervisor;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// So that the page can say what was allocated where, for whom.
#[global_allocator]
static ALLOCATOR: scouter::ScoutAlloc = scouter::ScoutAlloc::system();

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A small shop under load, with Scouter watching it.
#[derive(Parser)]
#[command(name = "demo", version)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Args, Clone)]
struct Options {
    /// Where the collector's page is served.
    #[arg(long, default_value = "127.0.0.1:6180")]
    http: SocketAddr,
    /// Where the collector takes records from agents.
    #[arg(long, default_value = "127.0.0.1:6100")]
    agents: SocketAddr,
    /// Requests a second that the load generator sends to the front service.
    #[arg(long, default_value_t = 40)]
    rate: u32,
    /// Ends by itself after so many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Where the collector and the shop keep their files [default: a folder that is removed].
    #[arg(long)]
    data: Option<PathBuf>,
    /// Writes one JSON line for each request that was sent.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// Writes addresses and process ids as JSON, again after each restart.
    #[arg(long)]
    status: Option<PathBuf>,
}

/// One of the four processes; `cargo demo` starts them itself.
#[derive(Subcommand, Clone)]
#[command(hide = true)]
enum Role {
    Collector { agents: SocketAddr, http: SocketAddr, data: PathBuf },
    Front { listen: SocketAddr, orders: SocketAddr },
    Orders { listen: SocketAddr, database: String, billing: SocketAddr },
    Billing { listen: SocketAddr, database: String },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.role {
        None => supervisor::run(cli.options).await,
        Some(Role::Collector { agents, http, data }) => roles::collector(agents, http, data).await,
        Some(Role::Front { listen, orders }) => roles::front(listen, orders).await,
        Some(Role::Orders { listen, database, billing }) => {
            roles::orders(listen, &database, billing).await
        }
        Some(Role::Billing { listen, database }) => roles::billing(listen, &database).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("demo: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints one line for the person at the terminal.
#[expect(clippy::print_stderr, reason = "the demo talks to the person who started it")]
fn say(line: std::fmt::Arguments<'_>) {
    eprintln!("{line}");
}
