//! The HTTP port with TLS: handshakes beside one another, each with a deadline.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::app::App;

/// How long a browser may take for its handshake; then the connection is closed and
/// `tls_failed` grows.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Handshakes at once; further connections wait in the queue of the system.
const MAX_HANDSHAKES: usize = 256;

/// Pause after a failed accept (no file handle left, most likely).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// First byte of a TLS record that begins a handshake.
pub(crate) const TLS_FIRST_BYTE: u8 = 0x16;

/// Accepts connections whose handshake is done.
pub(crate) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    /// Listens on `tcp`.
    ///
    /// # Errors
    /// If the operating system does not say what address that has.
    pub(crate) fn start(
        app: Arc<App>,
        tcp: TcpListener,
        configuration: Arc<ServerConfig>,
    ) -> std::io::Result<Self> {
        let address = tcp.local_addr()?;
        let (sender, ready) = mpsc::channel(1);
        let accepting = tokio::spawn(accept(app, tcp, TlsAcceptor::from(configuration), sender));
        Ok(Self { ready, address, accepting })
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task ends with this listener only.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}

async fn accept(
    app: Arc<App>,
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let room = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    loop {
        // Never closed.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let (stream, address) = match tcp.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection to the page could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (app, acceptor, ready) = (Arc::clone(&app), acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let _permit = permit;
            let shaken = tokio::time::timeout(HANDSHAKE_TIMEOUT, shake_hands(acceptor, stream));
            match shaken.await {
                Ok(Ok(stream)) => {
                    // If nobody takes it the server is stopping.
                    let _ = ready.send((stream, address)).await;
                }
                Ok(Err(error)) => {
                    app.telemetry.tls_failed.one();
                    tracing::debug!(%address, %error, "TLS handshake of the page failed");
                }
                Err(_) => app.telemetry.tls_failed.one(),
            }
        });
    }
}

/// The handshake, or, for a peer that speaks plain HTTP, where to go instead.
async fn shake_hands(
    acceptor: TlsAcceptor,
    mut stream: TcpStream,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] != TLS_FIRST_BYTE {
        let body = "This port speaks TLS: open it by https://\n";
        let answer = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        return Err(std::io::Error::other("it speaks plain HTTP"));
    }
    acceptor.accept(stream).await
}
