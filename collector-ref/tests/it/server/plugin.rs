//! Plugins get what comes in, and whatever they do, ingest does not notice.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use scouter_collector::CollectorPlugin;
use scouter_collector::plugin::{
    Hooks, ObjectRecord, PluginError, PluginLimits, Profile, Row, StoredAlert,
};

use super::agent::txs;
use super::collector::{start_with, until};

/// Keeps what it gets.
#[derive(Clone, Default)]
struct Keeper(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    rows: Vec<Row>,
    profiles: Vec<Profile>,
    objects: Vec<ObjectRecord>,
}

impl CollectorPlugin for Keeper {
    fn name(&self) -> &str {
        "keeper"
    }
    fn hooks(&self) -> Hooks {
        Hooks::ALL
    }
    fn xlog(&mut self, batch: &[Row]) -> Result<(), PluginError> {
        self.0.lock().unwrap().rows.extend_from_slice(batch);
        Ok(())
    }
    fn profile(&mut self, batch: &[Profile]) -> Result<(), PluginError> {
        self.0.lock().unwrap().profiles.extend_from_slice(batch);
        Ok(())
    }
    fn object(&mut self, object: &ObjectRecord) -> Result<(), PluginError> {
        self.0.lock().unwrap().objects.push(object.clone());
        Ok(())
    }
    fn alert(&mut self, _: &[StoredAlert]) -> Result<(), PluginError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_gets_rows_profiles_and_objects_with_all_their_texts() {
    let keeper = Keeper::default();
    let plugin = keeper.clone();
    let collector = start_with(|builder| builder.plugin(plugin)).await;
    let mut agent = collector.agent("/test/orders");
    agent.send(&txs(1, 3));
    agent.close();
    until("the object is gone", async || keeper.0.lock().unwrap().objects.len() == 2).await;
    collector.running.shutdown().await.unwrap();
    let kept = keeper.0.lock().unwrap();
    assert_eq!(kept.rows.len(), 3);
    assert_eq!(&*kept.rows[0].service, "GET /orders/{id}");
    assert_eq!(&*kept.rows[0].tenant, "acme");
    assert_eq!(kept.profiles.len(), 3);
    assert_eq!(kept.profiles[0].txid, kept.rows[0].txid);
    assert_eq!(kept.profiles[0].gxid, Some(kept.rows[0].gxid));
    assert_eq!(kept.profiles[0].steps[1].name, "SELECT * FROM orders WHERE id = ?");
    let alive: Vec<bool> = kept.objects.iter().map(|object| object.is_alive).collect();
    assert_eq!(alive, [true, false]);
}

/// Panics on every batch.
struct Broken;

impl CollectorPlugin for Broken {
    fn name(&self) -> &str {
        "broken"
    }
    fn xlog(&mut self, _: &[Row]) -> Result<(), PluginError> {
        panic!("the plugin is broken");
    }
}

/// Waits on its first batch until the test lets it go.
struct Stuck {
    entered: SyncSender<()>,
    gate: Receiver<()>,
}

impl CollectorPlugin for Stuck {
    fn name(&self) -> &str {
        "stuck"
    }
    fn xlog(&mut self, _: &[Row]) -> Result<(), PluginError> {
        // After the test the ends of the channels are gone; then there is nothing to wait for.
        let _ = self.entered.send(());
        let _ = self.gate.recv();
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_and_a_stuck_plugin_do_not_touch_ingest_or_the_other_plugins() {
    let (entered, has_entered) = sync_channel(64);
    let (open, gate) = sync_channel::<()>(0);
    let keeper = Keeper::default();
    let healthy = keeper.clone();
    let collector = start_with(|builder| {
        let mut small = PluginLimits::default();
        small.queue_records = 10;
        builder.plugin(Broken).plugin_with(Stuck { entered, gate }, small).plugin(healthy)
    })
    .await;
    let mut agent = collector.agent("/test/orders");
    agent.send(&txs(1, 10));
    has_entered.recv().unwrap();
    for batch in 1..20 {
        agent.send(&txs(1 + batch * 10, 10));
    }
    assert_eq!(collector.total("").await, 200, "ingest goes on while a plugin is stuck");
    until("the healthy plugin has everything", async || keeper.0.lock().unwrap().rows.len() == 200)
        .await;
    let own = collector.json("/api/v1/self").await;
    let plugin = |name: &str| {
        own["plugins"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap().clone()
    };
    assert_eq!(plugin("stuck")["dropped"], 190, "all but what it holds");
    assert_eq!(plugin("stuck")["queue"], 10);
    assert_eq!(plugin("keeper")["dropped"], 0);
    until("the broken plugin has failed on everything", async || {
        let text = "scouter_collector_plugin_records_total{plugin=\"broken\",outcome=\"failed\"}";
        collector.metric(text).await == 200
    })
    .await;
    drop(open);
    collector.running.shutdown().await.unwrap();
}
