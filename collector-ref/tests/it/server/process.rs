//! The collector as a process of its own, and questions to it without a runtime.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::collector::{ALL, PATIENCE};

/// A collector process over a folder; killed when the test ends.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) agents: SocketAddr,
    pub(crate) http: SocketAddr,
}

impl Process {
    /// The program, on free ports.
    pub(crate) fn start(data: &Path) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_at(data, any, any)
    }

    /// The program, on these addresses.
    pub(crate) fn start_at(data: &Path, agents: SocketAddr, http: SocketAddr) -> Self {
        let mut command = command(data);
        command.arg("--agents").arg(agents.to_string()).arg("--http").arg(http.to_string());
        Self::run(command)
    }

    /// Whatever says where it listens as the program does.
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = |prefix: &str| loop {
            let line = lines.next().expect("it says where it listens").unwrap();
            if let Some(found) = line.strip_prefix(prefix) {
                break found.trim_start_matches("http://").trim_end_matches('/').to_owned();
            }
        };
        let agents = line("agents ").parse().unwrap();
        let http = line("http ").parse().unwrap();
        Self { child, agents, http }
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stored transactions of the objects of the test.
    pub(crate) fn total(&self) -> u64 {
        let path = format!("/api/v1/xlogs?{ALL}&count_only=1&f=object:/test/*");
        self.json(&path)["total"].as_u64().unwrap()
    }

    /// What is answered to a GET that must succeed.
    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, body) = ask(self.http, path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is just as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program over a folder, not yet started.
pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scouter-collector"));
    command.env_remove("SCOUTER_COLLECTOR_TOKEN").arg("--data").arg(data);
    command
}

/// One GET: the status and the body.
pub(crate) fn ask(http: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}
