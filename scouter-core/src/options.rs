//! The table of options of the agent: one line each, from which documentation, environment,
//! configuration file and remote control all come.
//!
//! Names are SCOUTER's where the meaning is the same. Readers on the request path read one relaxed
//! atomic. Setting goes by name and text, so that a typing error gets an answer that helps.

mod groups;
mod statements;
mod table;
mod typed;

pub use groups::{SAMPLING_GROUPS, SamplingGroup};
pub use statements::statement_patience;
pub use table::*;
pub use typed::{
    BoolOption, MAX_TEXT_OPTION_BYTES, OptionError, OptionInfo, OptionKind, TextOption, U64Option,
    all, distance, set, value,
};
