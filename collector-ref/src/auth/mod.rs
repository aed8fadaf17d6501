//! Who may do what: tokens, roles, browser sessions, and where a request may come from.
//!
//! People show a token or log in with an account, agents show a token of their group.
//! Without any token and account everyone on this machine may do everything; the collector then refuses to
//! listen beyond loopback. A token is never accepted in a query string. A browser posts it once
//! and gets a cookie that scripts cannot read and other sites cannot send; tools send it as
//! `Authorization: Bearer`.

mod account;
mod layer;
mod origin;
mod session;
mod token;

pub(crate) use account::MAX_PASSWORD_CHECKS;
pub use account::{
    Account, Accounts, HashError, MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES, hash_password,
};
pub(crate) use layer::{
    Caller, admit, authenticate, caller_of, guard_origin, peer, session_secret,
};
pub(crate) use session::{Failed, SESSION_COOKIE, Sessions};
pub(crate) use token::Admission;
pub(crate) use token::MIN_TOKEN_BYTES;
pub use token::{AgentGroup, Role, Tokens};
