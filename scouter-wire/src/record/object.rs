//! One running instance of an instrumented process.

/// What an object says of itself when it connects and whenever it changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object {
    /// Full name, `/host/name`.
    pub name: String,
    /// Object type: `rust` for agents of this library.
    pub object_type: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Process id.
    pub pid: u32,
    /// When the process started, unix µs.
    pub started_unix_us: i64,
    /// Further facts: build, host, container; key and value.
    pub tags: Vec<(String, String)>,
}
