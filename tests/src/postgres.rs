//! A throw-away PostgreSQL server, shared by all tests of one process.
//!
//! The file stands alone: other packages include it by path. The server runs under a shell that
//! waits for the end of its standard input, so it stops with the process, however that ends, and
//! takes its folder along. As root it runs as user `postgres`, because PostgreSQL refuses root.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::print_stderr,
    reason = "a module of tests, included by path and used in part"
)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How often a port may be snatched away between choosing and using it.
const MAX_START_ATTEMPTS: u32 = 5;

const SCRIPT: &str = r#"
    dir=$(mktemp -d /tmp/scouter-postgres-XXXXXX) || exit 1
    "$1/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --no-sync >"$dir/log" 2>&1 &&
    "$1/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/log" -o "-p $2 -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories=$dir -c fsync=off -c max_connections=200" start >>"$dir/log" 2>&1
    if [ $? -eq 0 ]; then
        echo ready
        cat >/dev/null
        "$1/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1
    else
        tail -n 3 "$dir/log" | tr '\n' ' '
        echo
    fi
    rm -rf "$dir"
"#;

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    // Its standard input is the life line of the server.
    _shell: Child,
}

impl Postgres {
    /// The server of this process, started at the first call; `None` if PostgreSQL is absent.
    ///
    /// # Panics
    /// If it is absent or does not start while the environment says `CI=true`: there nothing may
    /// be skipped.
    pub fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
        static SKIPPED: AtomicU32 = AtomicU32::new(0);
        let server = SERVER.get_or_init(|| match Self::start() {
            Ok(server) => Some(server),
            Err(reason) => {
                let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!is_ci, "PostgreSQL is needed under CI=true: {reason}");
                eprintln!("PostgreSQL tests are skipped: {reason}");
                None
            }
        });
        if server.is_none() {
            let skipped = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
            eprintln!("skipped test {skipped} that needs PostgreSQL");
        }
        server.as_ref()
    }

    /// Starts a server of one's own.
    ///
    /// # Errors
    /// What was missing, or the last lines of the server's log.
    pub fn start() -> Result<Self, String> {
        let programs = program_folder()?;
        let mut reason = String::new();
        for _ in 0..MAX_START_ATTEMPTS {
            let port = free_port().map_err(|error| format!("no free port: {error}"))?;
            match Self::start_on(port, &programs) {
                Ok(server) => return Ok(server),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    fn start_on(port: u16, programs: &Path) -> Result<Self, String> {
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", SCRIPT, "postgres-for-tests"]).arg(programs).arg(port.to_string());
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell =
            command.spawn().map_err(|error| format!("{command:?} did not start: {error}"))?;
        let mut line = String::new();
        if let Some(output) = shell.stdout.take() {
            BufReader::new(output)
                .read_line(&mut line)
                .map_err(|error| format!("no answer from the start script: {error}"))?;
        }
        match line.trim() {
            "ready" => Ok(Self { port, _shell: shell }),
            log => Err(format!("PostgreSQL did not start: {log}")),
        }
    }

    /// Address of the database `postgres`, for a superuser without password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

/// The newest installed version; Debian keeps the server's programs out of the path.
fn program_folder() -> Result<PathBuf, String> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()))
        .filter(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
        .collect();
    folders.sort();
    folders.pop().ok_or_else(|| "initdb and pg_ctl are not installed (package postgresql)".into())
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
