//! "Did you mean": the known word nearest to an unknown one.

/// The candidate with the smallest edit distance to `word`, if it is near enough to be meant.
#[must_use]
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(MAX_WORD_CHARS).collect();
    let limit = (word.len() / 2).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Characters of a word that are compared; the rest of a longer one is ignored.
const MAX_WORD_CHARS: usize = 64;

/// Edit distance: insertions, deletions and replacements of one character.
fn distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, b_char) in b.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, a_char) in a.iter().enumerate() {
            let replace = diagonal + usize::from(*a_char != b_char);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[a.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found() {
        let known = ["service", "object", "tenant", "login", "status"];
        for (word, expected) in [
            ("servce", Some("service")),
            ("tenent", Some("tenant")),
            ("stats", Some("status")),
            ("obj", None),
            ("xyzzy", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
