//! `/readyz` while the disk does not take what is stored.

use scouter_collector::store::local::{Durability, StoreConfig};

use super::agent::txs;
use super::collector::{start_with, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_cannot_seal_is_not_ready_says_why_and_is_ready_again_once_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = StoreConfig::new(folder.path().join("data"));
    store.durability = Durability::Process;
    store.seal_rows = 64;
    let collector = start_with(|builder| builder.store(store)).await;
    let hours = folder.path().join("data/data");
    if hours.is_dir() {
        std::fs::remove_dir_all(&hours).unwrap();
    }
    // A file stands where the folders of the hours belong: also root cannot seal now.
    std::fs::write(&hours, "in the way").unwrap();
    let mut agent = collector.agent("/test/orders");
    agent.send(&txs(1, 100));
    until("not ready", async || collector.get("/readyz").await.0 == 503).await;
    let (_, why) = collector.get("/readyz").await;
    let why = why.as_str().unwrap();
    assert!(why.starts_with("not ready: the disk does not take what is stored: "), "{why}");
    assert_eq!(collector.get("/healthz").await.0, 200, "the process is alive all the same");
    assert_eq!(collector.total("").await, 100, "what was acknowledged is served meanwhile");
    std::fs::remove_file(&hours).unwrap();
    until("ready again", async || collector.get("/readyz").await.0 == 200).await;
    assert_eq!(collector.total("").await, 100);
}
