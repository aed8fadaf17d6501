//! A collector inside a development build of the application it watches.

use std::net::SocketAddr;

use crate::collector::{Builder, Collector};
use crate::error::StartError;
use crate::running::Running;

/// Starts a collector inside this process, for development: page on the usual port, data in a
/// folder of the system's temporary directory that goes with the guard.
///
/// It has a thread and a runtime of its own and needs none of the application. In production run
/// the binary: an embedded collector dies with what it watches.
///
/// ```no_run
/// let collector = scouter_collector::embed()?;
/// println!("open http://{}", collector.http_addr());
/// # Ok::<(), scouter_collector::StartError>(())
/// ```
///
/// # Errors
/// See [`StartError`]; most often the ports are taken by another collector, which then serves as
/// well.
pub fn embed() -> Result<Embedded, StartError> {
    let folder = std::env::temp_dir().join(format!("scouter-embedded-{}", std::process::id()));
    let mut embedded = embed_with(Collector::builder().data(&folder))?;
    embedded.temporary = Some(folder);
    Ok(embedded)
}

/// Starts a collector inside this process as a builder says.
///
/// # Errors
/// See [`StartError`].
pub fn embed_with(builder: Builder) -> Result<Embedded, StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("scouter-collector")
        .enable_all()
        .build()
        .map_err(StartError::System)?;
    let running = runtime.block_on(builder.start())?;
    let (agent_addr, http_addr) = (running.agent_addr(), running.http_addr());
    Ok(Embedded { parts: Some((runtime, running)), agent_addr, http_addr, temporary: None })
}

/// An embedded collector. Dropping it ends it; it stores what it has received before.
///
/// Drop it outside of asynchronous code: the end waits for the disk.
#[derive(Debug)]
#[must_use = "the collector ends when the guard is dropped"]
pub struct Embedded {
    parts: Option<(tokio::runtime::Runtime, Running)>,
    agent_addr: SocketAddr,
    http_addr: SocketAddr,
    temporary: Option<std::path::PathBuf>,
}

impl Embedded {
    /// Where agents connect.
    #[must_use]
    pub fn agent_addr(&self) -> SocketAddr {
        self.agent_addr
    }

    /// Where page and API are.
    #[must_use]
    pub fn http_addr(&self) -> SocketAddr {
        self.http_addr
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        let Some((runtime, running)) = self.parts.take() else { return };
        // A runtime may not be entered or dropped inside another one; a thread of our own never is.
        let ended =
            std::thread::Builder::new().name("scouter-collector-end".into()).spawn(move || {
                if let Err(error) = runtime.block_on(running.shutdown()) {
                    tracing::warn!(%error, "the embedded collector did not end cleanly");
                }
            });
        if let Ok(thread) = ended {
            // A panic in there was printed; the guard of the application must not panic for it.
            let _ = thread.join();
        }
        if let Some(folder) = &self.temporary {
            // What cannot be removed lies in the temporary directory, which the system cleans.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
