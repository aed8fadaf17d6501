//! A loss of power: what a process had written and nobody was told of is gone, or zeros.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::recorder::{agent, flush, record, until};
use super::support::{Home, Random, Turn, ids_in};
use super::wire::Wire;

/// The log and its length; it is the newest of the folder.
fn log(folder: &Path) -> (PathBuf, u64) {
    let files = std::fs::read_dir(folder.join("wal")).unwrap().map(|entry| entry.unwrap().path());
    let newest = files.max().unwrap();
    let length = std::fs::metadata(&newest).unwrap().len();
    (newest, length)
}

#[test]
fn after_a_loss_of_power_all_that_was_acknowledged_is_there_and_the_rest_comes_again_once() {
    let turn = Turn::take();
    let (home, mut collector) = Home::program();
    let wire = Wire::to(collector.agents);
    let guard = agent(&wire.address()).start().unwrap();
    let mut random = Random(u64::from(std::process::id()));
    let mut lost = 0;
    for round in 0..6 {
        record(600);
        flush(&guard);
        let (wal, acknowledged) = log(home.folder.path());
        // From here on the agent is told nothing, so nothing of it need survive.
        wire.swallow_answers();
        record(1_100);
        until("some of it is written", || log(home.folder.path()).1 > acknowledged);
        wire.cut();
        collector.kill();
        let (same, written) = log(home.folder.path());
        assert_eq!(same, wal);
        let kept = acknowledged + random.below(written - acknowledged);
        lost += written - kept;
        let file = OpenOptions::new().write(true).open(&wal).unwrap();
        if round % 2 == 0 {
            file.set_len(kept).unwrap();
        } else {
            let zeros = vec![0; usize::try_from(written - kept).unwrap()];
            file.write_all_at(&zeros, kept).unwrap();
        }
        collector = home.start_again();
        wire.mend();
        flush(&guard);
        turn.assert_both_sides_agree(&guard, &|path| collector.json(path));
    }
    assert!(lost > 0);
    turn.end_without_loss(guard);
    collector.kill();
    assert_eq!(ids_in(home.folder.path()).len() as u64, turn.recorded());
}
