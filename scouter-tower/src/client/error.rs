//! The text of a failed call: the error with its causes, without secrets.
//!
//! An error of a client usually says "client error" or "error sending request" and keeps what
//! happened in its sources. Only `Display` is asked of an error, so that boxed ones fit; the
//! sources of the types we know are found by their type. reqwest prints the whole URL, query
//! included, into its message: for it only the kind and the sources are taken.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Display};

/// Most causes that are written; deeper ones are left out.
const MAX_CAUSES: usize = 6;

type BoxError = Box<dyn Error + Send + Sync>;

/// Prints an error with its causes.
pub(crate) struct Cause<'a, E>(pub(crate) &'a E);

impl<E: Display + 'static> Display for Cause<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error: &dyn Any = self.0;
        #[cfg(feature = "reqwest")]
        if let Some(error) = error.downcast_ref::<reqwest::Error>() {
            return write_reqwest(error, f);
        }
        #[cfg(feature = "hyper")]
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return write_with_sources(error, f);
        }
        #[cfg(feature = "hyper")]
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return write_with_sources(error, f);
        }
        if let Some(error) = error.downcast_ref::<BoxError>() {
            #[cfg(feature = "reqwest")]
            if let Some(error) = error.downcast_ref::<reqwest::Error>() {
                return write_reqwest(error, f);
            }
            return write_with_sources(error.as_ref(), f);
        }
        #[cfg(feature = "tonic")]
        if let Some(error) = error.downcast_ref::<tonic::transport::Error>() {
            return write_with_sources(error, f);
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return write_with_sources(error, f);
        }
        self.0.fmt(f)
    }
}

fn write_with_sources(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    write_sources(error, f)
}

fn write_sources(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut source = error.source();
    for _ in 0..MAX_CAUSES {
        let Some(cause) = source else { break };
        write!(f, ": {cause}")?;
        source = cause.source();
    }
    Ok(())
}

#[cfg(feature = "reqwest")]
fn write_reqwest(error: &reqwest::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(match error {
        error if error.is_timeout() => "timed out",
        error if error.is_connect() => "cannot connect",
        error if error.is_redirect() => "redirect refused",
        error if error.is_body() => "body failed",
        error if error.is_decode() => "body cannot be decoded",
        error if error.is_builder() => "request is malformed",
        _ => "request failed",
    })?;
    write_sources(error, f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layered(&'static str, Option<Box<Layered>>);

    impl Display for Layered {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layered {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as &dyn Error)
        }
    }

    #[test]
    fn a_boxed_error_is_written_with_its_causes() {
        let refused = Layered("connection refused", None);
        let error: BoxError = Box::new(Layered("client error", Some(Box::new(refused))));
        assert_eq!(Cause(&error).to_string(), "client error: connection refused");
        assert_eq!(Cause(&"plain text").to_string(), "plain text");
    }

    #[test]
    fn causes_past_the_limit_are_left_out() {
        let chain =
            (0..20).fold(Layered("end", None), |inner, _| Layered("x", Some(Box::new(inner))));
        let error: BoxError = Box::new(chain);
        assert_eq!(Cause(&error).to_string(), ["x"; MAX_CAUSES + 1].join(": "));
    }
}
