//! Commands to agents and their answers, over the connections that the agents opened.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use scouter_wire::codec::{Answer, Command, CommandKind, Encoding, FrameType, Reply, write_frame};
use tokio::sync::oneshot;

use crate::ingest::{Outbox, Outgoing};
use crate::limits::MAX_QUEUED_COMMANDS;
use crate::telemetry::Telemetry;

/// How long an agent may take to answer.
pub(crate) const COMMAND_DEADLINE: Duration = Duration::from_secs(2);

/// Most instances that an error names.
const MAX_INSTANCES_TOLD: usize = 10;

/// One process: the name of its object, which another may share, and its instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AgentId {
    pub(crate) name: Arc<str>,
    pub(crate) instance: u128,
}

/// Why a command was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ControlError {
    /// No agent of this name is connected, or none of this instance.
    NotConnected,
    /// Several are connected under this name: their instances.
    Ambiguous(Vec<u128>),
    /// Too many commands wait for this agent.
    Busy,
    /// It did not answer before the deadline.
    TimedOut,
    /// The connection ended before it answered.
    Gone,
    /// It answered that it cannot; its sentence.
    Refused(String),
    /// Its answer cannot be read.
    Malformed(String),
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("the agent is not connected"),
            Self::Ambiguous(instances) => {
                write!(f, "{} processes are connected under this name: ", instances.len())?;
                f.write_str("say which one with instance, one of")?;
                let mut listed = instances.iter().take(MAX_INSTANCES_TOLD);
                listed.try_for_each(|instance| write!(f, " {instance:032x}"))
            }
            Self::Busy => f.write_str("too many commands wait for this agent: try again"),
            Self::TimedOut => {
                write!(f, "the agent did not answer within {} s", COMMAND_DEADLINE.as_secs())
            }
            Self::Gone => f.write_str("the agent disconnected before it answered"),
            Self::Refused(why) => write!(f, "the agent refused: {why}"),
            Self::Malformed(why) => write!(f, "the agent's answer cannot be read: {why}"),
        }
    }
}

impl std::error::Error for ControlError {}

/// One connected agent.
#[derive(Debug)]
pub(crate) struct AgentHandle {
    connection: u64,
    outbox: Outbox,
    asked: Mutex<HashMap<u64, Asked>>,
}

/// A command whose answer has not come.
#[derive(Debug)]
struct Asked {
    answer: Answer,
    done: oneshot::Sender<Result<Answer, ControlError>>,
}

impl AgentHandle {
    /// Puts a chunk of an answer in its place. Answers nobody waits for are dropped: their deadline
    /// has passed and that was counted.
    pub(crate) fn on_reply(&self, reply: &Reply<'_>) {
        let mut asked = self.asked.lock();
        let Some(entry) = asked.get_mut(&reply.id) else { return };
        let result = match entry.answer.push(reply) {
            Ok(false) => return,
            Ok(true) if entry.answer.is_error => {
                let why = String::from_utf8_lossy(&entry.answer.payload).into_owned();
                Err(ControlError::Refused(why))
            }
            Ok(true) => Ok(std::mem::take(&mut entry.answer)),
            Err(error) => Err(ControlError::Malformed(error.to_string())),
        };
        if let Some(entry) = asked.remove(&reply.id) {
            // Whoever asked may have given up in this moment.
            let _ = entry.done.send(result);
        }
    }
}

/// All connected agents.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    agents: Mutex<HashMap<AgentId, Arc<AgentHandle>>>,
    next_id: AtomicU64,
}

impl Agents {
    /// Remembers an agent that has connected; a newer connection of the same process replaces
    /// an older one, which is about to be noticed as broken.
    pub(crate) fn connected(
        &self,
        agent: &AgentId,
        connection: u64,
        outbox: Outbox,
    ) -> Arc<AgentHandle> {
        let handle = Arc::new(AgentHandle { connection, outbox, asked: Mutex::default() });
        self.agents.lock().insert(agent.clone(), Arc::clone(&handle));
        handle
    }

    /// Forgets a connection; everyone who waits for an answer over it is told.
    pub(crate) fn gone(&self, agent: &AgentId, connection: u64) {
        let mut agents = self.agents.lock();
        if agents.get(agent).is_some_and(|handle| handle.connection == connection)
            && let Some(handle) = agents.remove(agent)
        {
            handle.asked.lock().clear();
        }
    }

    /// All connected agents, by name.
    pub(crate) fn all(&self) -> Vec<AgentId> {
        let mut agents: Vec<_> = self.agents.lock().keys().cloned().collect();
        agents.sort();
        agents
    }

    /// The agent of this name, and of this instance if one is given.
    ///
    /// # Errors
    /// [`ControlError::NotConnected`], or [`ControlError::Ambiguous`] when no instance is given and
    /// several processes share the name: a command must not go to one that nobody chose.
    pub(crate) fn find(&self, name: &str, instance: Option<u128>) -> Result<AgentId, ControlError> {
        let mut found = self.all();
        found.retain(|agent| {
            *agent.name == *name && instance.is_none_or(|instance| agent.instance == instance)
        });
        if found.len() > 1 {
            let instances = found.into_iter().map(|agent| agent.instance).collect();
            return Err(ControlError::Ambiguous(instances));
        }
        found.pop().ok_or(ControlError::NotConnected)
    }

    /// Asks one agent and waits for its answer, at most [`COMMAND_DEADLINE`].
    ///
    /// # Errors
    /// See [`ControlError`].
    ///
    /// # Cancel safety
    /// A caller that goes away leaves an entry that the next answer or the end of the connection
    /// removes.
    pub(crate) async fn ask(
        &self,
        agent: &AgentId,
        kind: CommandKind,
        payload: &str,
        telemetry: &Telemetry,
    ) -> Result<Answer, ControlError> {
        let handle = self.agents.lock().get(agent).cloned().ok_or(ControlError::NotConnected)?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (done, answer) = oneshot::channel();
        {
            let mut asked = handle.asked.lock();
            if asked.len() >= MAX_QUEUED_COMMANDS {
                telemetry.commands_dropped.one();
                return Err(ControlError::Busy);
            }
            asked.insert(id, Asked { answer: Answer::default(), done });
        }
        if handle.outbox.try_send(Outgoing::Frame(command_frame(id, kind, payload))).is_err() {
            handle.asked.lock().remove(&id);
            telemetry.commands_dropped.one();
            return Err(ControlError::Busy);
        }
        telemetry.commands.one();
        match tokio::time::timeout(COMMAND_DEADLINE, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ControlError::Gone),
            Err(_) => {
                handle.asked.lock().remove(&id);
                telemetry.commands_timed_out.one();
                Err(ControlError::TimedOut)
            }
        }
    }
}

fn command_frame(id: u64, kind: CommandKind, payload: &str) -> Vec<u8> {
    let command = Command {
        id,
        kind_number: kind as u16,
        deadline_ms: u32::try_from(COMMAND_DEADLINE.as_millis()).unwrap_or(u32::MAX),
        encoding: Encoding::Text,
        payload: payload.as_bytes(),
    };
    let mut frame = Vec::new();
    // The payload comes from a request body, whose limit is far below that of a frame.
    let _ = write_frame(&mut frame, FrameType::Command, 0, |out| command.put(out));
    frame
}
