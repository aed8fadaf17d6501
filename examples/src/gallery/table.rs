//! What was found, as a table for the person at the terminal.

use crate::say;
use crate::trial::Verdict;

/// Widths of the columns; the last one may be as long as it likes.
const WIDTHS: [usize; 4] = [21, 8, 20, 29];

pub(crate) fn head() {
    row(["fault", "after", "named as", "at"], "verdict");
    row(["-----", "-----", "--------", "--"], "-------");
}

pub(crate) fn line(verdict: &Verdict) {
    let after =
        verdict.after.map_or("-".to_owned(), |after| format!("{:.1} s", after.as_secs_f32()));
    let named = if verdict.after.is_some() { verdict.kind } else { "-" };
    row([verdict.fault, &after, named, &verdict.place], &verdict.sentence());
}

fn row(columns: [&str; 4], last: &str) {
    let cells: Vec<String> =
        columns.iter().zip(WIDTHS).map(|(text, width)| format!("{text:width$}")).collect();
    say(format_args!("{} {last}", cells.join(" ")));
}
