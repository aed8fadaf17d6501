//! The plugin example as a stranger runs it: a collector that writes each transaction to a file.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::demo::until;
use crate::small::program;

/// Killed when dropped.
struct Example(Child);

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[scouter::scout(service, name = "nightly job")]
fn nightly_job() {}

#[test]
fn each_transaction_becomes_a_line_of_the_plugins_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("transactions.jsonl");
    let any = "127.0.0.1:0";
    let mut child = Command::new(program("custom_plugin"))
        .arg(&file)
        .args([any, any])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let out = child.stdout.take().expect("a pipe");
    let _example = Example(child);
    let mut lines = BufReader::new(out).lines();
    let first = lines.next().expect("it says where it listens").expect("text");
    let agents = first.strip_prefix("agents ").expect("the agents' address first").to_owned();

    let guard = scouter::exporter::Agent::builder("plugin-test").collector(agents).start();
    let guard = guard.expect("the agent starts");
    for _ in 0..3 {
        nightly_job();
    }
    assert!(guard.flush(crate::demo::PATIENCE), "everything is delivered");

    let written = until(|| {
        let text = std::fs::read_to_string(&file).ok()?;
        let written: Vec<Value> =
            text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect();
        (written.len() >= 3).then_some(written)
    });
    assert_eq!(written.len(), 3);
    for line in &written {
        assert_eq!(line["service"], "nightly job", "{line}");
        assert!(
            line["object"].as_str().is_some_and(|name| name.ends_with("/plugin-test")),
            "{line}"
        );
    }
}
