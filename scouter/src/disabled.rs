//! [`init`] when feature `enable` is off: it succeeds and does nothing.

use std::fmt;

/// Does nothing, since feature `enable` is off.
#[derive(Debug)]
#[must_use = "as with feature `enable`, where dropping it ends the sending"]
pub struct Guard(());

/// Never happens, since feature `enable` is off.
#[derive(Debug)]
#[non_exhaustive]
pub enum InitError {}

impl fmt::Display for InitError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl std::error::Error for InitError {}

/// Does nothing, since feature `enable` is off.
///
/// # Errors
/// Never.
pub fn init(service: &str) -> Result<Guard, InitError> {
    let _ = service;
    Ok(Guard(()))
}
