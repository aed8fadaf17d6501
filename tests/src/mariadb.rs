//! A throw-away MariaDB server, shared by all tests of one process.
//!
//! The file stands alone: other packages include it by path. The server runs under a shell that
//! waits for the end of its standard input and then ends the server by its process id, so it stops
//! with the process, however that ends, and takes its folder along. As root it runs as user
//! `mysql`, because MariaDB refuses root.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::print_stderr,
    reason = "a module of tests, included by path and used in part"
)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// How often a port may be snatched away between choosing and using it.
const MAX_START_ATTEMPTS: u32 = 5;

/// Arguments: the port, then how often, every 0.1 s, an answer is looked for.
const SCRIPT: &str = r#"
    PATH=$PATH:/usr/sbin
    dir=$(mktemp -d /tmp/scouter-mariadb-XXXXXX) || exit 1
    fail() { tail -n 3 "$dir/log" | tr '\n' ' '; echo; rm -rf "$dir"; exit 1; }
    mariadb-install-db --no-defaults --datadir="$dir/data" --skip-test-db \
        --auth-root-authentication-method=normal >"$dir/log" 2>&1 || fail
    mariadbd --no-defaults --datadir="$dir/data" --port="$1" --bind-address=127.0.0.1 \
        --socket="$dir/socket" --pid-file="$dir/pid" --skip-name-resolve --max-connections=200 \
        --innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=32M \
        --character-set-server=utf8mb4 </dev/null >>"$dir/log" 2>&1 &
    server=$!
    left=$2
    until mariadb-admin --no-defaults --socket="$dir/socket" -u root ping >/dev/null 2>&1; do
        kill -0 "$server" 2>/dev/null || fail
        left=$((left - 1))
        if [ "$left" -le 0 ]; then kill -9 "$server"; wait "$server"; fail; fi
        sleep 0.1
    done
    if mariadb-admin --no-defaults --socket="$dir/socket" -u root create scouter >>"$dir/log" 2>&1
    then
        echo ready
        cat >/dev/null
    fi
    # Nothing of its data is wanted: no orderly end.
    kill -9 "$server"
    wait "$server" 2>/dev/null
    rm -rf "$dir"
"#;

/// How often an answer of the starting server is looked for: a minute, on a machine that is busy.
const MAX_PINGS: u32 = 600;

/// A running server.
#[derive(Debug)]
pub struct MariaDb {
    port: u16,
    // Its standard input is the life line of the server.
    _shell: Child,
}

impl MariaDb {
    /// The server of this process, started at the first call; `None` if MariaDB is absent.
    ///
    /// # Panics
    /// If it is absent or does not start while the environment says `CI=true`: there nothing may
    /// be skipped.
    pub fn shared() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<MariaDb>> = OnceLock::new();
        static SKIPPED: AtomicU32 = AtomicU32::new(0);
        let server = SERVER.get_or_init(|| match Self::start() {
            Ok(server) => Some(server),
            Err(reason) => {
                let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
                assert!(!is_ci, "MariaDB is needed under CI=true: {reason}");
                eprintln!("MariaDB tests are skipped: {reason}");
                None
            }
        });
        if server.is_none() {
            let skipped = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
            eprintln!("skipped: test {skipped} that needs MariaDB");
        }
        server.as_ref()
    }

    /// Starts a server of one's own.
    ///
    /// # Errors
    /// What was missing, or the last lines of the server's log.
    pub fn start() -> Result<Self, String> {
        let mut reason = String::new();
        for _ in 0..MAX_START_ATTEMPTS {
            let port = free_port().map_err(|error| format!("no free port: {error}"))?;
            match Self::start_on(port) {
                Ok(server) => return Ok(server),
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    fn start_on(port: u16) -> Result<Self, String> {
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "mysql", "--", "sh"]);
            command
        } else {
            Command::new("sh")
        };
        command.args(["-c", SCRIPT, "mariadb-for-tests"]);
        command.arg(port.to_string()).arg(MAX_PINGS.to_string());
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
            log => {
                // Reaps the shell, which has nothing left to do.
                let ended = shell.wait().map_err(|error| error.to_string())?;
                Err(format!("MariaDB (package mariadb-server) did not start ({ended}): {log}"))
            }
        }
    }

    /// Address of the empty database `scouter`, for a superuser without password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/scouter", self.port)
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
