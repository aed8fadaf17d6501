//! The collector is killed with -9 under load, twenty times over.

use std::time::Instant;

use crate::demo::{Books, Demo, PATIENCE, PAUSE, SERVICES, Store, by_link, settle, signal, stored};

/// How often the collector is killed.
const KILLS: u32 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_collector_twenty_times_loses_nothing() {
    let mut demo = Demo::start(&["--rate", "80"]);
    let client = reqwest::Client::new();
    for kill in 0..KILLS {
        let (pid, addresses) = demo.status("collector");
        let before = stored(&client, addresses[0], 0).await;
        stored(&client, addresses[0], before + 20).await;
        signal(pid, "KILL");
        let began = Instant::now();
        while demo.status("collector").0 == pid {
            assert!(began.elapsed() < PATIENCE, "the collector was not restarted ({kill})");
            tokio::time::sleep(PAUSE).await;
        }
    }
    demo.end_load();
    let (_, addresses) = demo.status("collector");
    let ledger = demo.ledger();
    let books = settle(&client, addresses[0], ledger.len()).await;
    demo.end_by("TERM");

    let store = Store::open(&demo.data()).await;
    for service in SERVICES {
        let rows = store.xlogs(&format!("object:*{service}*")).await;
        // Their window holds more than is sent here, so nothing may be dropped either.
        let expected = Books { recorded: rows.len() as u64, dropped: 0 };
        assert_eq!(books[service], expected, "{service}");
        let doubled: Vec<_> = by_link(&rows).into_iter().filter(|(_, times)| *times > 1).collect();
        assert!(doubled.is_empty(), "{service}: stored more than once: {doubled:?}");
    }
    let seen = by_link(&store.xlogs("object:*front*").await);
    let lost: Vec<_> = ledger
        .iter()
        .filter_map(|sent| sent.id.as_ref())
        .filter(|id| !seen.contains_key(*id))
        .collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), ledger.len());
    store.close().await;
}
