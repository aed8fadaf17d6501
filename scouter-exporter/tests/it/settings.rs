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
    std::fs::write(&folder, "collector = nowhere\nprofile_step_max_cont = 5\n").unwrap();
    let builder = || Agent::builder("x").without_environment().without_collector();
    let strict = builder().options_file(&folder).strict().start();
    let Err(InitError::Settings(mistakes)) = strict else { panic!("{strict:?}") };
    assert_eq!(mistakes.len(), 2);
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let guard = builder()
        .options_file(&folder)
        .on_notice(move |line| heard.lock().unwrap().push(line.to_owned()))
        .start()
        .unwrap();
    assert!(guard.is_running());
    assert_eq!(said.lock().unwrap().len(), 1);
    assert!(said.lock().unwrap()[0].contains("did you mean `profile_step_max_count`"));
    std::fs::remove_file(&folder).unwrap();
}
