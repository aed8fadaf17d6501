//! Who may do what: tokens, roles, browser sessions, and where a request may come from.
//!
//! Without any token everyone on this machine may do everything; the collector then refuses to
//! listen beyond loopback. A token is never accepted in a query string. A browser posts it once
//! and gets a cookie that scripts cannot read and other sites cannot send; tools send it as
//! `Authorization: Bearer`.

mod layer;
mod origin;
mod session;
mod token;

pub(crate) use layer::{Caller, authenticate, guard_origin, peer, role_of, session_secret};
pub(crate) use session::{SESSION_COOKIE, Sessions};
pub(crate) use token::MIN_TOKEN_BYTES;
pub use token::{Role, Tokens};
