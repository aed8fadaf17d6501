//! The process of one fault: the service with its agent, as any application starts them.

use axum::serve::ListenerExt as _;
use tokio::io::{AsyncReadExt as _, stdin};
use tokio::net::TcpListener;

use crate::{AnyError, service};

/// Threads of the runtime: two, so that four requests that block keep all.
const WORKERS: usize = 2;

/// Serves until standard input closes. Prints `ready ADDRESS` once it listens.
pub(crate) fn serve(name: &str, database: &str, back: &str) -> Result<bool, AnyError> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    runtime.block_on(async {
        let _scouter = scouter::init(name)?;
        let app = scouter::wrap(service::router(database, back).await?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        crate::say(format_args!("ready {}", listener.local_addr()?));
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        tokio::select! {
            served = axum::serve(listener, app) => served?,
            () = parent_gone() => {}
        }
        Ok::<(), AnyError>(())
    })?;
    // What hangs on purpose is not waited for.
    runtime.shutdown_background();
    Ok(true)
}

async fn parent_gone() {
    let mut ignored = [0; 64];
    while let Ok(1..) = stdin().read(&mut ignored).await {}
}
