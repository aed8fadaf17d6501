//! SIGUSR1: ends the load and leaves the shop running. Other systems have no such signal.

use crate::AnyError;

/// Waits for the signal.
pub(crate) struct EndOfLoad(#[cfg(unix)] tokio::signal::unix::Signal);

impl EndOfLoad {
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, AnyError> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::user_defined1())?))
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self, AnyError> {
        Ok(Self())
    }

    /// Resolves once for each signal.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if self.0.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}
