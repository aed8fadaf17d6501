//! Asks the agents for the dumps that are wanted, one after the other.

use std::sync::Arc;

use tokio::sync::mpsc::Receiver;

use super::Wanted;
use super::kept::DumpHead;
use crate::api::dump_of;
use crate::app::App;

/// Most processes of one name that are dumped for one reason.
const MAX_PROCESSES: usize = 4;

/// Takes dumps until the task is aborted.
pub(crate) async fn run_dumps(app: Arc<App>, mut wanted: Receiver<Wanted>) {
    while let Some(Wanted { object, why }) = wanted.recv().await {
        let agents = app.agents.all().into_iter().filter(|agent| agent.name == object);
        let agents: Vec<_> = agents.take(MAX_PROCESSES).collect();
        if agents.is_empty() {
            app.telemetry.dumps_failed.one();
            tracing::info!(%object, why, "no dump: the agent is not connected any more");
        }
        for agent in agents {
            let head = DumpHead {
                unix_us: app.clock.unix_us(),
                object: agent.name.to_string(),
                instance: format!("{:032x}", agent.instance),
                why: why.clone(),
            };
            let says = dump_of(&app, &agent).await;
            let of_thread = Arc::clone(&app);
            let kept = tokio::task::spawn_blocking(move || {
                of_thread.dumps.keep(head, &says, &of_thread.telemetry.dumps_deleted)
            });
            match kept.await {
                Ok(Ok(())) => {
                    app.telemetry.dumps.one();
                    tracing::info!(%object, why, "dumped");
                }
                failed => {
                    app.telemetry.dumps_failed.one();
                    let error = match failed {
                        Ok(Err(error)) => error.to_string(),
                        _ => "it broke the collector's code".to_owned(),
                    };
                    tracing::warn!(%object, why, error, "a dump could not be kept");
                }
            }
        }
    }
}
