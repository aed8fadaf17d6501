//! Patterns over names, the same in the agent's options and in the collector's filters.

/// Whether a whole text fits a pattern: `*` stands for any run of characters, all others for
/// themselves; case matters. Linear in the text for each `*`.
#[must_use]
pub fn is_match(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
