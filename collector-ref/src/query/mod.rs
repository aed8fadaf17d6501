//! What a viewer may ask for: the filter language and the words for "did you mean".

pub(crate) mod filter;
pub(crate) mod nearest;
