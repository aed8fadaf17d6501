//! The table for people and the JSON for tools.

use serde_json::{Map, Value, json};

use crate::harness::{Figure, Measured, Shows};
use crate::machine;
use crate::options::Options;
use crate::{peers, suites};

/// Prints the table.
pub(crate) fn print(options: &Options, rows: &[Measured]) {
    let small = if options.small { ", small: shows that it works, not how fast it is" } else { "" };
    println!("suite {}{small}", options.suite);
    println!("machine: {}", machine::describe());
    println!("versions: {}", machine::versions());
    println!("{}, interleaved, each cell in its own process", rounds(options, rows));
    println!("ours/it: our median as a multiple of the other one");
    let left_out = left_out(rows);
    if !left_out.is_empty() {
        println!("not in this build (feature `peers` is off): {}", left_out.join(", "));
    }
    println!("\n{:<58} {:>10} {:>10} {:>8}", "row", "median", "minimum", "ours/it");
    for row in rows {
        print_row(row);
    }
}

/// How often each cell is run, and for how long if that is what ends a run.
fn rounds(options: &Options, rows: &[Measured]) -> String {
    let of = |row: &Measured| row.row.rounds.unwrap_or(usize::MAX).min(options.rounds());
    let (least, most) = (rows.iter().map(of).min(), rows.iter().map(of).max());
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(0));
    let count = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let plural = if most == 1 { "" } else { "s" };
    match options.suite.as_str() {
        "ingest" => {
            format!("{count} run{plural} of {} transactions", suites::ingest::total(options.small))
        }
        _ => format!("{count} round{plural} of {} ms", options.budget().as_millis()),
    }
}

fn print_row(row: &Measured) {
    println!("{} ({}){}", row.row.name, row.row.unit, beyond(row.row.shows));
    let ours = row.ours();
    let is_net = row.row.shows == Shows::Net;
    line("ours", ours, is_net, "");
    let yardstick = format!("yardstick: {}", row.row.yardstick);
    line(&yardstick, row.yardstick(), false, &beside_yardstick(row).unwrap_or_default());
    for (name, figure) in row.others() {
        let ratio = ours.and_then(|ours| ratio(ours.median, figure.median));
        line(name, Some(figure), is_net, &ratio.unwrap_or_default());
    }
    for name in row.missing() {
        println!("  {name}: failed, see above");
    }
}

const fn beyond(shows: Shows) -> &'static str {
    match shows {
        Shows::Gross => "",
        Shows::Net => ", what each adds to the yardstick",
        Shows::LossPercent => ", what each loses against the same server without instrumentation",
    }
}

fn line(name: &str, figure: Option<Figure>, is_net: bool, ratio: &str) {
    let Some(Figure { median, min }) = figure else { return };
    let (median, min) = (short(median, is_net), short(min, is_net));
    println!("{}", format!("  {name:<56} {median:>10} {min:>10} {ratio:>8}").trim_end());
}

/// Our figure beside the yardstick: as a multiple of it, or, where it adds to it, as a share.
fn beside_yardstick(row: &Measured) -> Option<String> {
    let (ours, yardstick) = (row.ours()?.median, row.yardstick()?.median);
    match row.row.shows {
        Shows::Gross => ratio(ours, yardstick),
        Shows::Net if yardstick >= SMALLEST => Some(format!("{:+.0} %", 100.0 * ours / yardstick)),
        Shows::Net | Shows::LossPercent => None,
    }
}

/// What is less is printed as 0.00.
const SMALLEST: f64 = 0.005;

/// A multiple; none of what is nothing or, as a difference may be, less.
fn ratio(ours: f64, other: f64) -> Option<String> {
    let is_sensible = ours >= 0.0 && other >= SMALLEST;
    is_sensible.then(|| format!("{:.2}x", ours / other))
}

/// The figures: `{"suite","rows":[{"name","unit","ours","floor","peers":{…}}]}`, medians, with
/// the minima, what the yardstick is and where all this was measured as further keys.
pub(crate) fn json(options: &Options, rows: &[Measured]) -> String {
    let document = json!({
        "suite": options.suite,
        "rows": rows.iter().map(row_json).collect::<Vec<_>>(),
        "is_small": options.small,
        "left_out": left_out(rows),
        "machine": machine::describe(),
        "versions": machine::versions(),
    });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn row_json(row: &Measured) -> Value {
    let numbers = |of: fn(Figure) -> f64| {
        let number =
            |figure: Option<Figure>| figure.map_or(Value::Null, |figure| json!(of(figure)));
        let peers: Map<String, Value> =
            row.others().map(|(name, figure)| (name.to_owned(), json!(of(figure)))).collect();
        (number(row.ours()), number(row.yardstick()), peers)
    };
    let (ours, floor, peers) = numbers(|figure| figure.median);
    let (min_ours, min_floor, min_peers) = numbers(|figure| figure.min);
    let shows = match row.row.shows {
        Shows::Gross => "gross",
        Shows::Net => "net of the floor",
        Shows::LossPercent => "loss against no instrumentation",
    };
    json!({
        "name": row.row.name,
        "unit": row.row.unit,
        "ours": ours,
        "floor": floor,
        "peers": peers,
        "floor_is": row.row.yardstick,
        "shows": shows,
        "min": { "ours": min_ours, "floor": min_floor, "peers": min_peers },
    })
}

/// Peers of these rows that are not in this build.
fn left_out(rows: &[Measured]) -> Vec<&'static str> {
    let listed = |peer: &&str| rows.iter().any(|row| row.row.peers.contains(peer));
    peers::HEAVY.into_iter().filter(|peer| !peers::is_built(peer)).filter(listed).collect()
}

/// Three figures that matter; with its sign when it is a difference.
fn short(value: f64, has_sign: bool) -> String {
    let text = match value.abs() {
        v if v >= 1e6 => format!("{:.2}M", value / 1e6),
        v if v >= 1e5 => format!("{:.0}k", value / 1e3),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    if has_sign && !text.starts_with('-') { format!("+{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_figures_and_differences_their_sign() {
        let check = |value, has_sign, text: &str| assert_eq!(short(value, has_sign), text);
        check(0.254, false, "0.25");
        check(20.84, false, "20.8");
        check(408.7, true, "+409");
        check(-1.5, true, "-1.50");
        check(912_345.0, false, "912k");
        check(1_342_000.0, false, "1.34M");
    }

    #[test]
    fn there_is_no_ratio_to_nothing_or_less() {
        assert_eq!(ratio(1.0, 2.0).as_deref(), Some("0.50x"));
        assert_eq!(ratio(1.0, 0.004), None);
        assert_eq!(ratio(-1.0, 2.0), None);
    }
}
