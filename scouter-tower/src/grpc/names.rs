//! The names of gRPC methods, bounded though the path is the caller's.
//!
//! From outside the router nobody knows which methods exist, and anyone may call any. So a method
//! is *known* once one of its calls was answered by more than a refusal: by a message, not by
//! trailers only. Known methods are named for ever. One that is not known yet is named as well, so
//! that the very first call shows by name while it runs, but only so many are *tried*: strangers
//! can fill these places and nothing else, after which a method is named from its first answer on.
//! A call answered UNIMPLEMENTED, as a router does that knows no such method, loses its name again.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use scouter_core::telemetry::{Noted, note};
use scouter_core::{TextId, TextKind, intern_parts};

/// Most gRPC methods that are named for ever; the calls of further ones are `GRPC <unmatched>` and
/// `grpc_methods_unnamed` grows.
pub const MAX_GRPC_METHODS: usize = 4_096;

/// Most gRPC methods that are named before any call of theirs was answered by a message; past it
/// they are named from then on, and `grpc_methods_unnamed` grows with each call until then.
pub const MAX_TRIED_GRPC_METHODS: usize = 256;

/// Longest path that is a name, in bytes.
const MAX_PATH_BYTES: usize = 256;

static METHODS: LazyLock<Methods> = LazyLock::new(Methods::default);

/// How one call is named.
#[derive(Debug)]
pub(crate) enum Naming {
    /// Its method is known.
    Known(TextId),
    /// Its method is not known yet.
    Tried(TextId),
    /// Its method is not known yet and there is no room to try; it carries the path.
    Unnamed(Box<str>),
}

impl Naming {
    /// The name of the service, if it has one.
    pub(crate) const fn name(&self) -> Option<TextId> {
        match self {
            Self::Known(name) | Self::Tried(name) => Some(*name),
            Self::Unnamed(_) => None,
        }
    }

    /// The method was answered by a message: it exists. Answers the name if the call had none.
    pub(crate) fn confirm(&self) -> Option<TextId> {
        match self {
            Self::Known(_) => None,
            Self::Tried(name) => {
                METHODS.confirm_tried(*name);
                None
            }
            Self::Unnamed(path) => METHODS.confirm(path),
        }
    }
}

/// How a call of this path is named; `None` if it is no path of gRPC.
///
/// Takes a shared lock for a look-up; it allocates for a method that is not known only.
pub(crate) fn name_of(path: &str) -> Option<Naming> {
    is_method(path).then(|| METHODS.naming(path))
}

/// `/package.Service/Method`.
fn is_method(path: &str) -> bool {
    let is_word = |word: &str| {
        let is_fitting = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        !word.is_empty() && word.bytes().all(is_fitting)
    };
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    path.len() <= MAX_PATH_BYTES
        && parts.is_some_and(|(service, method)| is_word(service) && is_word(method))
}

#[derive(Debug, Default)]
struct Methods(RwLock<Table>);

#[derive(Debug, Default)]
struct Table {
    places: HashMap<Box<str>, Place>,
    tried: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    name: TextId,
    is_known: bool,
}

impl Table {
    fn known(&self) -> usize {
        self.places.len() - self.tried
    }
}

impl Methods {
    fn naming(&self, path: &str) -> Naming {
        {
            // A panic while it was held can have left nothing half done.
            let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = table.places.get(path) {
                return place.naming();
            }
            if table.tried >= MAX_TRIED_GRPC_METHODS {
                note(Noted::GrpcMethodUnnamed);
                return Naming::Unnamed(path.into());
            }
        }
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = table.places.get(path) {
            return place.naming();
        }
        let name = service_name(path);
        table.places.insert(path.into(), Place { name, is_known: false });
        table.tried += 1;
        Naming::Tried(name)
    }

    fn confirm_tried(&self, name: TextId) {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if table.known() >= MAX_GRPC_METHODS {
            return;
        }
        let place = table.places.values_mut().find(|place| place.name == name && !place.is_known);
        if let Some(place) = place {
            place.is_known = true;
            table.tried -= 1;
        }
    }

    fn confirm(&self, path: &str) -> Option<TextId> {
        let mut table = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = table.places.get(path) {
            return Some(place.name);
        }
        if table.known() >= MAX_GRPC_METHODS {
            return None;
        }
        let name = service_name(path);
        table.places.insert(path.into(), Place { name, is_known: true });
        Some(name)
    }
}

impl Place {
    const fn naming(self) -> Naming {
        if self.is_known { Naming::Known(self.name) } else { Naming::Tried(self.name) }
    }
}

fn service_name(path: &str) -> TextId {
    intern_parts(TextKind::Service, &["GRPC ", path])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_a_service_and_a_name_without_anything_odd() {
        for (path, expected) in [
            ("/shop.Orders/Place", true),
            ("/Orders/Place_v2", true),
            ("/shop.Orders/", false),
            ("//Place", false),
            ("/Place", false),
            ("shop.Orders/Place", false),
            ("/a/b/c", false),
            ("/a/b%20c", false),
            ("/a/b?c", false),
            ("/{*rest}/b", false),
        ] {
            assert_eq!(is_method(path), expected, "{path}");
        }
        assert!(!is_method(&format!("/a/{}", "b".repeat(MAX_PATH_BYTES))));
    }

    #[test]
    fn strangers_fill_the_places_to_try_and_no_others() {
        let methods = Methods::default();
        let known = methods.naming("/names.Shop/Buy");
        methods.confirm_tried(known.name().unwrap());
        for number in 0..MAX_TRIED_GRPC_METHODS {
            assert!(matches!(methods.naming(&format!("/junk.S/M{number}")), Naming::Tried(_)));
        }
        assert!(matches!(methods.naming("/junk.S/More"), Naming::Unnamed(_)));
        assert!(matches!(methods.naming("/names.Shop/Buy"), Naming::Known(_)));
        // A method that answers gets its name all the same, once and for ever.
        let late = methods.confirm("/names.Shop/Late").unwrap();
        assert_eq!(methods.naming("/names.Shop/Late").name(), Some(late));
        assert_eq!(methods.confirm("/names.Shop/Late"), Some(late));
        // And a place to try that turned out to be a method is free again.
        let tried = methods.naming("/junk.S/M0").name().unwrap();
        methods.confirm_tried(tried);
        assert!(matches!(methods.naming("/junk.S/More"), Naming::Tried(_)));
    }

    #[test]
    fn known_methods_are_bounded() {
        let methods = Methods::default();
        for number in 0..MAX_GRPC_METHODS {
            assert!(methods.confirm(&format!("/names.Many/M{number}")).is_some());
        }
        assert_eq!(methods.confirm("/names.Many/OneMore"), None);
        let tried = methods.naming("/names.Many/Tried");
        methods.confirm_tried(tried.name().unwrap());
        assert!(matches!(methods.naming("/names.Many/Tried"), Naming::Tried(_)));
        assert_eq!(methods.0.read().unwrap().known(), MAX_GRPC_METHODS);
    }
}
