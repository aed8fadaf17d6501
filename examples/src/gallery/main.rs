//! The fault gallery: an ordinary axum + sqlx service in which one thing goes wrong at a time, and
//! what Scouter says about it, while it does.
//!
//! `cargo run -p scouter-examples --bin gallery -- [FAULT|all|healthy]`. Each fault gets a fresh
//! process of this binary with its own agent, healthy requests around it, and ten seconds in which
//! an alert must name it: kind, line of code, service and tenant, as the collector's API answers
//! them. `healthy` runs without a fault and must raise nothing.

mod expected;
mod process;
mod service;
mod table;
mod trial;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Memory is told only where the allocator says who allocates.
#[global_allocator]
static ALLOCATOR: scouter::ScoutAlloc = scouter::ScoutAlloc::system();

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// One fault after another, and what Scouter says about it.
#[derive(Parser)]
#[command(name = "gallery", version)]
struct Cli {
    /// A fault, `all` of them, or `healthy` for a run without one.
    #[arg(default_value = "all")]
    what: String,
    /// `sqlite`, or the URL of a PostgreSQL database.
    #[arg(long, default_value = "sqlite")]
    database: String,
    /// How long the healthy run lasts.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Faults that are tried at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    #[command(subcommand)]
    role: Option<Role>,
}

/// The process of a fault; the gallery starts it itself.
#[derive(Subcommand)]
#[command(hide = true)]
enum Role {
    Serve { name: String, database: String, back: String },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.role {
        Some(Role::Serve { name, database, back }) => process::serve(&name, &database, &back),
        None => trial::run(&cli.what, &cli.database, cli.seconds, cli.jobs.max(1)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format_args!("gallery: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints one line for the person at the terminal.
#[expect(clippy::print_stdout, reason = "the gallery talks to the person who started it")]
fn say(line: std::fmt::Arguments<'_>) {
    println!("{line}");
}
