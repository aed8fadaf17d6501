//! One of the four processes, seen from the demo: started, awaited until it listens, ended.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child as Process, ChildStdin, Command};
use tokio::time::timeout;

use crate::AnyError;

/// How long a process may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How long a process may take to end after its standard input has closed.
const END_LIMIT: Duration = Duration::from_secs(15);

/// A running process of the demo.
pub(crate) struct Child {
    pub(crate) name: &'static str,
    pub(crate) addresses: Vec<SocketAddr>,
    process: Process,
    /// Held open here: waiting for a process would close it, and closing it means "end".
    input: Option<ChildStdin>,
}

impl Child {
    /// Starts this binary in the role `name` and waits until it listens.
    pub(crate) async fn start(
        name: &'static str,
        arguments: &[String],
        environment: &[(&str, String)],
    ) -> Result<Self, AnyError> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(name)
            .args(arguments)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the demo alone, which then ends its processes in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("the process has no standard output")?;
        let mut lines = BufReader::new(output).lines();
        let ready = timeout(START_LIMIT, lines.next_line()).await;
        let Ok(Ok(Some(line))) = ready else {
            return Err(format!("{name} did not start; what it says stands above").into());
        };
        let addresses = line.split(' ').skip(1).map(str::parse).collect::<Result<_, _>>()?;
        let input = process.stdin.take();
        Ok(Self { name, addresses, process, input })
    }

    /// Process id, 0 once it has ended.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id().unwrap_or(0)
    }

    /// Waits for an end nobody asked for and says how it ended.
    pub(crate) async fn ended(&mut self) -> String {
        match self.process.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Asks it to end, and insists after a while.
    pub(crate) async fn end(mut self) {
        drop(self.input.take());
        if timeout(END_LIMIT, self.process.wait()).await.is_err() {
            crate::say(format_args!("demo: {} did not end in time and is killed", self.name));
            let _ = self.process.kill().await;
        }
    }
}
