//! Ctrl-C and SIGTERM end the demo. SIGUSR1 ends the load and leaves the shop running. Systems that
//! are not Unix have Ctrl-C alone.

use crate::AnyError;

/// Resolves when the demo is asked to end, by Ctrl-C or by SIGTERM.
pub(crate) async fn end_of_demo() -> Result<(), AnyError> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// Waits for SIGUSR1.
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
