//! Twice as much as the disk takes: the store gets on as it did, and the agent keeps what matters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use scouter_collector::store::local::Syncing;
use scouter_exporter::{Guard, MIN_WINDOW_BYTES};
use scouter_wire::codec::DropReason;

use super::recorder::{DEADLINE, agent, record};
use super::support::{Inside, Turn, ids_in};

/// Length of each of the two runs, in syncs of the disk: its pace is the clock, so that a busy
/// machine changes nothing.
const SYNCS: u64 = 30;

/// How long this disk takes for a sync.
const SYNC: Duration = Duration::from_millis(40);

/// Bytes that the collector lets an agent send beyond what the disk has taken.
const CREDIT_BYTES: u64 = 16 * 1024;

struct Run<'a> {
    collector: &'a Inside,
    guard: &'a Guard,
    syncs: &'a AtomicU64,
}

impl Run<'_> {
    /// Records as `offers` wants, knowing what was recorded and how many syncs have passed.
    /// Answers how many transactions were stored meanwhile.
    fn stored(&self, offers: impl Fn(u64, u64) -> bool) -> u64 {
        let stored = || self.collector.json("/api/v1/self")["xlogs"].as_u64().unwrap();
        let (first, before) = (self.syncs.load(SeqCst), stored());
        let mut recorded = 0;
        loop {
            let passed = self.syncs.load(SeqCst) - first;
            if passed >= SYNCS {
                return stored() - before;
            }
            if offers(recorded, passed) {
                record(250);
                recorded += 250;
            } else {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
    }
}

#[test]
fn at_twice_its_capacity_as_much_is_stored_profiles_go_first_and_both_sides_count_alike() {
    let turn = Turn::take();
    let syncs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&syncs);
    let collector = Inside::start(|store, limits| {
        limits.credit_bytes = CREDIT_BYTES;
        store.syncing = Syncing::Manual(Arc::new(move |file| {
            std::thread::sleep(SYNC);
            counted.fetch_add(1, SeqCst);
            file.sync_data()
        }));
    });
    let guard = agent(&collector.agents())
        .patience(DEADLINE, DEADLINE)
        .window_bytes(MIN_WINDOW_BYTES)
        .start()
        .unwrap();
    record(250);
    turn.assert_both_sides_agree(&guard, &|path| collector.json(path));
    let run = Run { collector: &collector, guard: &guard, syncs: &syncs };

    // As fast as it is taken: more only when the window is half empty.
    let at_capacity =
        run.stored(|_, _| run.guard.telemetry().pending_bytes < MIN_WINDOW_BYTES as u64 / 2);
    let totals = guard.telemetry().totals;
    assert_eq!(totals.dropped(DropReason::WindowProfiles), 0, "{totals:?}");
    let at_twice = run.stored(|recorded, passed| recorded < 2 * at_capacity * passed / SYNCS);

    assert!(10 * at_twice >= 9 * at_capacity, "{at_twice} at twice, {at_capacity} at capacity");
    turn.assert_both_sides_agree(&guard, &|path| collector.json(path));
    let telemetry = guard.shutdown();
    turn.assert_balance(&telemetry);
    let dropped = |reason| telemetry.totals.dropped(reason);
    let (profiles, xlogs) = (dropped(DropReason::WindowProfiles), dropped(DropReason::WindowXLogs));
    assert!(profiles > 0 && profiles >= xlogs, "{profiles} profiles and {xlogs} XLogs");
    let folder = collector.stop();
    assert_eq!(ids_in(folder.path()).len() as u64, telemetry.acked_xlogs);
}
