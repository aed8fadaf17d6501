//! Every bound of the server side, and what happens at it.

use std::time::Duration;

/// Most agent connections at once; further ones get a refusal and `refused_connection_limit` grows.
pub const DEFAULT_MAX_CONNECTIONS: usize = 1_024;

/// How long an agent connection may be silent before it is closed and `closed_idle` grows.
/// Agents send a heartbeat (OBJECT) every 10 seconds.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a new connection may take for preface, HELLO and AUTH, all together; then it is closed
/// and `closed_idle` grows.
pub const DEFAULT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// New texts one connection may bring per minute. Past it a text becomes `(other)` for good in
/// the store's eyes of that agent, and `texts_over_rate` grows: it guards the dictionary against
/// an agent that puts ids into names.
pub const DEFAULT_TEXTS_PER_MINUTE: u32 = 20_000;

/// Bytes an agent may have under way before it must wait for an acknowledgement (the credit).
pub const DEFAULT_CREDIT_BYTES: u64 = 16 * 1024 * 1024;

/// Commands waiting for one agent; past it a command is refused and `commands_dropped` grows.
pub const MAX_QUEUED_COMMANDS: usize = 64;

/// Live viewers at once; further ones are refused with 503 and `viewers_refused` grows.
pub const DEFAULT_MAX_VIEWERS: usize = 256;

/// Frames waiting for one live viewer. Past it points are dropped for that viewer, which gets a
/// GAP frame as soon as there is room and fetches them again; `viewer_gaps` grows.
pub const DEFAULT_VIEWER_QUEUE_FRAMES: usize = 64;

/// Most points of one answer of `/api/v1/points` and of one live snapshot.
pub const MAX_POINTS: usize = 2_000_000;

/// Exports at once, since each keeps a thread busy; a further one is refused with 503.
pub const MAX_EXPORTS: usize = 4;

/// Bytes of all debug files that were uploaded; a further one is refused with 413.
pub const MAX_SYMBOL_FOLDER_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// Largest body of a POST, in bytes; a debug file may be larger.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Bounds that a test or a small machine may want to change.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Default: [`DEFAULT_MAX_CONNECTIONS`].
    pub max_connections: usize,
    /// Default: [`DEFAULT_IDLE_TIMEOUT`].
    pub idle_timeout: Duration,
    /// Default: [`DEFAULT_HANDSHAKE_TIMEOUT`].
    pub handshake_timeout: Duration,
    /// Default: [`DEFAULT_TEXTS_PER_MINUTE`].
    pub texts_per_minute: u32,
    /// Default: [`DEFAULT_CREDIT_BYTES`].
    pub credit_bytes: u64,
    /// Default: [`DEFAULT_MAX_VIEWERS`].
    pub max_viewers: usize,
    /// Default: [`DEFAULT_VIEWER_QUEUE_FRAMES`].
    pub viewer_queue_frames: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: DEFAULT_MAX_CONNECTIONS,
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT,
            texts_per_minute: DEFAULT_TEXTS_PER_MINUTE,
            credit_bytes: DEFAULT_CREDIT_BYTES,
            max_viewers: DEFAULT_MAX_VIEWERS,
            viewer_queue_frames: DEFAULT_VIEWER_QUEUE_FRAMES,
        }
    }
}
