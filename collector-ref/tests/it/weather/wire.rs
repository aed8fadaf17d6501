//! A wire between an agent and a collector, that a test can cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

const WHOLE: u8 = 0;
const NO_ANSWERS: u8 = 1;
const CUT: u8 = 2;

/// Carries connections to one address, as long as it is whole.
pub(super) struct Wire {
    address: SocketAddr,
    state: Arc<AtomicU8>,
}

impl Wire {
    pub(super) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(AtomicU8::new(WHOLE));
        let of_thread = Arc::clone(&state);
        spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // A collector that is not there: the connection ends at once.
                if let Ok(far) = TcpStream::connect(target)
                    && of_thread.load(SeqCst) == WHOLE
                {
                    carry(near, far, &of_thread);
                }
            }
        });
        Self { address, state }
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// What the collector says from now on does not arrive.
    pub(super) fn swallow_answers(&self) {
        self.state.store(NO_ANSWERS, SeqCst);
    }

    /// Nothing arrives any more, and no new connection either.
    pub(super) fn cut(&self) {
        self.state.store(CUT, SeqCst);
    }

    /// New connections are carried again; those that were cut are not.
    pub(super) fn mend(&self) {
        self.state.store(WHOLE, SeqCst);
    }
}

fn carry(near: TcpStream, far: TcpStream, state: &Arc<AtomicU8>) {
    let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    let (there, back) = (Arc::clone(state), Arc::clone(state));
    spawn(move || pump(near, far, || there.load(SeqCst) < CUT));
    spawn(move || pump(far_too, near_too, || back.load(SeqCst) < NO_ANSWERS));
}

/// Carries bytes until one of the two ends; once they are swallowed they are for good.
fn pump(mut from: TcpStream, mut to: TcpStream, passes: impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    let mut is_whole = true;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        is_whole &= passes();
        if is_whole && to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn spawn(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().name("test-wire".into()).spawn(run).unwrap();
}
