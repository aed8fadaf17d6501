//! Active services of each object by age, asked for every two seconds while a page shows them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use scouter_wire::codec::{CommandKind, read_active};
use scouter_wire::record::ActiveTransaction;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::control::AgentId;

/// How often the agents are asked.
const PERIOD: Duration = Duration::from_secs(2);

/// Age from which an active service is no longer young, µs (SCOUTER's 3 s).
const MIDDLE_US: u64 = 3_000_000;

/// Age from which it is drawn red, µs (SCOUTER's 8 s).
const OLD_US: u64 = 8_000_000;

/// The newest figures.
#[derive(Debug, Default)]
pub(crate) struct ActiveBands {
    bands: Mutex<BTreeMap<Arc<str>, [u64; 3]>>,
}

impl ActiveBands {
    /// As the pulse carries them.
    pub(super) fn json(&self) -> Map<String, Value> {
        let bands = self.bands.lock();
        bands.iter().map(|(object, bands)| (object.to_string(), json!(bands))).collect()
    }
}

/// How many of the listed transactions run under 3 s, from 3 to 8 s, and longer.
pub(crate) fn bands(listed: &[ActiveTransaction]) -> [u64; 3] {
    listed.iter().fold([0; 3], |mut bands, transaction| {
        let band = usize::from(transaction.age_us >= MIDDLE_US)
            + usize::from(transaction.age_us >= OLD_US);
        bands[band] += 1;
        bands
    })
}

/// Asks until the task is aborted. Agents that do not answer are left out.
pub(crate) async fn run_bands(app: Arc<App>) {
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let mut all = BTreeMap::new();
        if app.hub.wants_pulse() {
            let asked = app.agents.all().into_iter().map(|agent| of_agent(&app, agent));
            let answers = futures_util::future::join_all(asked).await;
            for (object, bands) in answers.into_iter().flatten() {
                // Processes that share a name are shown as one object.
                let sums: &mut [u64; 3] = all.entry(object).or_default();
                sums.iter_mut().zip(bands).for_each(|(sum, count)| *sum += count);
            }
        }
        *app.active_bands.bands.lock() = all;
    }
}

async fn of_agent(app: &App, agent: AgentId) -> Option<(Arc<str>, [u64; 3])> {
    let answer = app.agents.ask(&agent, CommandKind::Active, "", &app.telemetry).await.ok()?;
    let (_, listed) = read_active(&answer.payload).ok()?;
    Some((agent.name, bands(&listed)))
}
