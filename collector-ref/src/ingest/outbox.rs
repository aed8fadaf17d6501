//! What goes back to an agent: acknowledgements and numbers of texts as soon as they are durable,
//! commands at once.

use std::collections::VecDeque;
use std::time::Duration;

use scouter_wire::codec::{Ack, FrameType, write_frame};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::carrier::Carrier;
use crate::store::{Durable, WalSeq};

/// Things on their way to one agent; past it the reader of the connection waits (it is ahead of
/// the disk), and commands are refused.
pub(crate) const MAX_OUTBOX: usize = 1_024;

/// Things that wait for the disk; past it nothing more is taken from the outbox.
const MAX_WAITING: usize = 4_096;

/// How long a connection that ends still waits for the disk, to acknowledge what it has received.
const LAST_ACK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an agent may take nothing of what is sent to it before its connection is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Something to send to an agent.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A whole frame, at once.
    Frame(Vec<u8>),
    /// A whole frame, when the store has this on disk.
    FrameWhen(WalSeq, Vec<u8>),
    /// An acknowledgement of everything up to a frame, when the store has this on disk.
    AckWhen(WalSeq, u64),
}

/// The sending end: of the connection's reader and of whoever sends commands.
pub(crate) type Outbox = mpsc::Sender<Outgoing>;

/// Sends what comes out of the outbox until all its senders are gone, then what still waits.
async fn run_writer(
    stream: Carrier,
    mut outbox: mpsc::Receiver<Outgoing>,
    mut durable: watch::Receiver<Durable>,
    credit_bytes: u64,
) {
    let mut waiting = Waiting { queue: VecDeque::new(), credit_bytes };
    let mut buffer = Vec::new();
    loop {
        let seq = durable.borrow_and_update().seq;
        waiting.release(seq, &mut buffer);
        if !buffer.is_empty() {
            if stream.write_from_task(&buffer, WRITE_TIMEOUT).await.is_err() {
                return;
            }
            buffer.clear();
        }
        tokio::select! {
            biased;
            changed = durable.changed(), if !waiting.queue.is_empty() => {
                if changed.is_err() {
                    break;
                }
            }
            next = outbox.recv(), if waiting.queue.len() < MAX_WAITING => match next {
                Some(Outgoing::Frame(frame)) => buffer.extend_from_slice(&frame),
                Some(later) => waiting.queue.push_back(later),
                None => break,
            },
        }
    }
    let last = tokio::time::timeout(LAST_ACK_TIMEOUT, async {
        while !waiting.queue.is_empty() {
            let seq = durable.borrow_and_update().seq;
            waiting.release(seq, &mut buffer);
            if !waiting.queue.is_empty() && durable.changed().await.is_err() {
                break;
            }
        }
    });
    // Without the last acknowledgement the agent sends those frames again; they are known then.
    let _ = last.await;
    let _ = stream.write_from_task(&buffer, WRITE_TIMEOUT).await;
}

struct Waiting {
    queue: VecDeque<Outgoing>,
    credit_bytes: u64,
}

impl Waiting {
    /// Moves what is durable into `out`; of several acknowledgements only the last.
    fn release(&mut self, durable: WalSeq, out: &mut Vec<u8>) {
        let mut acked = None;
        while let Some(front) = self.queue.front() {
            let (Outgoing::FrameWhen(seq, _) | Outgoing::AckWhen(seq, _)) = front else { break };
            if *seq > durable {
                break;
            }
            match self.queue.pop_front() {
                Some(Outgoing::FrameWhen(_, frame)) => out.extend_from_slice(&frame),
                Some(Outgoing::AckWhen(_, frame_seq)) => acked = Some(frame_seq),
                _ => {}
            }
        }
        if let Some(seq) = acked {
            let ack = Ack { seq, credit_bytes: self.credit_bytes };
            // An ACK has some 20 bytes, far below the limit of a frame.
            let _ = write_frame(out, FrameType::Ack, 0, |out| ack.put(out));
        }
    }
}

/// Starts the writer of a connection, as a task: most agents are silent most of the time.
pub(crate) fn start_writer(
    stream: &Carrier,
    durable: watch::Receiver<Durable>,
    credit_bytes: u64,
    runtime: &Handle,
) -> (Outbox, JoinHandle<()>) {
    let (outbox, outgoing) = mpsc::channel(MAX_OUTBOX);
    (outbox, runtime.spawn(run_writer(stream.clone(), outgoing, durable, credit_bytes)))
}
