//! A process dies; the next one tells of it. Each death is a real one, of this very program.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use scouter_core::alert::{Alert, AlertKind};
use scouter_core::{Begin, TextKind, Transaction, callsite, intern, step};
use scouter_exporter::{Agent, Guard, Memory};

use crate::recorder::{DEADLINE, Recorder, flush, until};

/// How the process of a test is to end; set in that process only.
const ENDS: &str = "SCOUTER_TEST_ENDS";
const FOLDER: &str = "SCOUTER_TEST_FOLDER";

fn agent(folder: &Path, memory: &Memory) -> Guard {
    let often = Duration::from_millis(10);
    Agent::builder("/test/mortal")
        .without_collector()
        .without_environment()
        .on_notice(|_| {})
        .sink(memory.clone())
        .intervals(often, often)
        .last_words(folder)
        .start()
        .unwrap()
}

/// The process that dies: what the other tests start anew.
#[test]
fn mortal() {
    let (Ok(ends), Some(folder)) = (std::env::var(ENDS), std::env::var_os(FOLDER)) else { return };
    let guard = agent(Path::new(&folder), &Memory::new());
    let previous = std::panic::take_hook();
    if ends == "abort" {
        // Where `panic = "abort"` ends the process: when the hook returns.
        std::panic::set_hook(Box::new(move |panic| {
            previous(panic);
            std::process::abort();
        }));
    }
    let transaction = Transaction::begin(Begin::new(intern(TextKind::Service, "GET /mortal")));
    let words = || std::fs::read_dir(&folder).unwrap().flatten().next().map(|file| file.path());
    until("the first readings are written", || {
        let text = words().map(|path| std::fs::read(path).unwrap_or_default());
        String::from_utf8_lossy(&text.unwrap_or_default()).contains("active 1\n")
    });
    println!("ready");
    match ends.as_str() {
        "abort" => {
            let _entered = transaction.enter();
            let _step = step(callsite!(name: "last_step"));
            panic!("the last\nwords");
        }
        "killed" => loop {
            std::thread::park();
        },
        _ => drop((transaction, guard)),
    }
}

/// Starts the process that dies and waits until it has said how it is.
fn start(folder: &Path, ends: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "last_words::mortal", "--nocapture", "--test-threads=1"])
        .env(ENDS, ends)
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut lines = out.by_ref().lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with("ready")), "it did not begin");
    // It still writes the result of its test.
    child.stdout = Some(out.into_inner());
    child
}

/// What the next process tells.
fn told(folder: &Path) -> Vec<Alert> {
    let memory = Memory::new();
    let guard = agent(folder, &memory);
    flush(&guard);
    drop(guard);
    let alerts = memory.content().alerts.into_iter();
    alerts.filter(|alert| alert.kind == AlertKind::PreviousDeath).collect()
}

#[cfg(unix)]
fn is_private(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let mut files = std::fs::read_dir(folder).unwrap().flatten().peekable();
    files.peek().is_some()
        && files.all(|file| file.metadata().unwrap().permissions().mode() & 0o077 == 0)
}

#[test]
fn a_panic_that_aborts_the_process_is_told_by_the_next_one_with_place_and_steps() {
    let _recorder = Recorder::take();
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), "abort");
    let status = child.wait().unwrap();
    assert!(status.code().is_none(), "an abort is a signal, not {status}");
    assert!(is_private(folder.path()));
    let alerts = told(folder.path());
    let [alert] = &alerts[..] else { panic!("{alerts:#?}") };
    let message = &alert.message;
    assert!(message.contains("the last thing it did was a panic: the last words"), "{message}");
    assert!(
        message.contains("inside last_step @ ") && message.contains(" 1 transactions"),
        "{message}"
    );
    assert!(alert.place.starts_with(&format!("{}:", file!())), "{}", alert.place);
    assert!(alert.service == "GET /mortal" && alert.transaction.is_some(), "{alert:?}");
    assert!(!message.contains(": 0 MiB resident"), "{message}");
    assert!(told(folder.path()).is_empty(), "told once");
}

#[test]
fn a_process_that_was_killed_is_told_by_the_next_one_and_one_that_lives_is_not() {
    let _recorder = Recorder::take();
    let folder = tempfile::tempdir().unwrap();
    let mut living = start(folder.path(), "killed");
    let mut child = start(folder.path(), "killed");
    child.kill().unwrap();
    child.wait().unwrap();
    let alerts = told(folder.path());
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    assert!(alerts[0].message.contains(&format!("process {} ", child.id())), "{alerts:#?}");
    assert!(alerts[0].message.contains("it did not panic: it was killed"), "{alerts:#?}");
    living.kill().unwrap();
    living.wait().unwrap();
    assert_eq!(told(folder.path()).len(), 1);
}

#[test]
fn a_process_that_ends_leaves_nothing_behind() {
    let _recorder = Recorder::take();
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), "ended");
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(told(folder.path()).is_empty());
}

#[test]
fn a_folder_that_cannot_be_is_said_and_the_agent_runs_without() {
    let _recorder = Recorder::take();
    let file = tempfile::NamedTempFile::new().unwrap();
    let (say, said) = std::sync::mpsc::sync_channel(8);
    let guard = Agent::builder("/test/mortal")
        .without_collector()
        .without_environment()
        .on_notice(move |line| drop(say.try_send(line.to_owned())))
        .last_words(file.path())
        .start()
        .unwrap();
    assert!(guard.is_running());
    let line = said.recv_timeout(DEADLINE).unwrap();
    assert!(line.contains("no last words in "), "{line}");
}
