//! Starting, switching off, and mistakes in settings.

use std::sync::{Arc, Mutex};

use scouter_exporter::{Agent, InitError};

use crate::collector::{Collector, State};
use crate::recorder::{Recorder, agent, record};

#[test]
fn a_process_has_one_agent_at_a_time() {
    let _recorder = Recorder::take();
    let collector = Collector::start(State::default());
    let first = agent(&collector.address).start().unwrap();
    assert!(matches!(agent(&collector.address).start(), Err(InitError::AlreadyRunning)));
    drop(first);
    drop(agent(&collector.address).start().unwrap());
}

#[test]
fn switched_off_nothing_is_recorded_and_no_thread_runs() {
    let recorder = Recorder::take();
    let guard = agent("127.0.0.1:1").enabled(false).start().unwrap();
    assert!(!guard.is_running());
    record(10);
    assert!(guard.flush(std::time::Duration::ZERO));
    recorder.assert_balance(&guard.telemetry());
    assert_eq!(guard.shutdown(), scouter_exporter::TelemetrySnapshot::default());
}

#[test]
fn recording_ends_with_the_agent() {
    let _recorder = Recorder::take();
    let guard = agent("127.0.0.1:1").without_collector().start().unwrap();
    assert!(scouter_core::is_recording());
    drop(guard);
    assert!(!scouter_core::is_recording());
}

#[test]
fn mistakes_are_one_line_unless_the_builder_is_strict() {
    let _recorder = Recorder::take();
    let folder = std::env::temp_dir().join(format!("scouter-settings-{}", std::process::id()));
    std::fs::write(&folder, "collector = \"nowhere\"\nprofile_step_max_cont = 5\n").unwrap();
    let builder = || Agent::builder("x").without_environment().without_collector();
    let strict = builder().config_file(&folder).strict().start();
    let Err(InitError::Settings(mistakes)) = strict else { panic!("{strict:?}") };
    assert_eq!(mistakes.len(), 2);
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let guard = builder()
        .config_file(&folder)
        .on_notice(move |line| heard.lock().unwrap().push(line.to_owned()))
        .start()
        .unwrap();
    assert!(guard.is_running());
    assert_eq!(said.lock().unwrap().len(), 1);
    assert!(said.lock().unwrap()[0].contains("did you mean `profile_step_max_count`"));
    std::fs::remove_file(&folder).unwrap();
}

/// What an option that only these tests change has now.
fn slow_ms() -> u64 {
    scouter_core::options::value("xlog_slow_time_ms").unwrap().parse().unwrap()
}

/// An agent that watches a file with this text, and what it says.
struct Configured {
    path: std::path::PathBuf,
    said: Arc<Mutex<Vec<String>>>,
    _guard: scouter_exporter::Guard,
    _folder: tempfile::TempDir,
}

impl Configured {
    fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scouter.toml");
        std::fs::write(&path, text).unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        let guard = Agent::builder("x")
            .without_environment()
            .without_collector()
            .config_file(&path)
            .on_notice(move |line| heard.lock().unwrap().push(line.to_owned()))
            .start()
            .unwrap();
        Self { path, said, _guard: guard, _folder: folder }
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
    }

    fn until_said(&self, part: &str) {
        let is_said = || self.said.lock().unwrap().iter().any(|line| line.contains(part));
        crate::recorder::until(part, is_said);
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        scouter_core::options::set("xlog_slow_time_ms", "1000").unwrap();
    }
}

#[test]
fn an_option_that_changes_in_the_file_takes_effect_and_one_that_goes_has_its_default_again() {
    let _recorder = Recorder::take();
    let configured = Configured::start("xlog_slow_time_ms = 700\n");
    assert_eq!(slow_ms(), 700);
    configured.write("# slower\nxlog_slow_time_ms = 1_500\n");
    crate::recorder::until("the new value", || slow_ms() == 1_500);
    configured.write("# none\n");
    crate::recorder::until("the default", || slow_ms() == 1_000);
    assert!(configured.said.lock().unwrap().is_empty());
}

#[test]
fn a_file_that_cannot_be_read_changes_nothing_and_is_told_with_its_line() {
    let _recorder = Recorder::take();
    let configured = Configured::start("xlog_slow_time_ms = 700\n");
    configured.write("xlog_slow_time_ms = 800\nprofile_off = yes\n");
    configured.until_said("scouter.toml:2: the value of `profile_off`");
    assert_eq!(slow_ms(), 700);
    configured.write("xlog_slow_time_ms = 900 # and no more\n");
    crate::recorder::until("it is whole again", || slow_ms() == 900);
}

#[test]
fn what_the_page_has_set_stays_until_the_file_changes_that_option() {
    let _recorder = Recorder::take();
    let configured = Configured::start("xlog_slow_time_ms = 700\n");
    scouter_core::options::set("xlog_slow_time_ms", "50").unwrap();
    configured.write("xlog_slow_time_ms = 700\ncollector = \"c:7\"\n");
    configured.until_said("`collector` takes effect when the application starts again");
    assert_eq!(slow_ms(), 50);
    configured.write("xlog_slow_time_ms = 701\ncollector = \"c:7\"\n");
    crate::recorder::until("the file's new value", || slow_ms() == 701);
}
