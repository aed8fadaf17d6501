//! The table for people and the JSON for tools.

use serde_json::{Map, Value, json};

use crate::harness::{Figure, Measured};
use crate::machine;
use crate::options::Options;

/// Prints the table.
pub(crate) fn print(options: &Options, rows: &[Measured]) {
    println!("suite {}: {}", options.suite, machine::describe());
    println!("versions: {}", machine::versions());
    println!(
        "{} rounds of {} ms, each cell in its own process; median (minimum)\n",
        options.rounds(),
        options.budget().as_millis()
    );
    println!(
        "{:<34} {:<6} {:>18} {:>20} {:>7}  peers",
        "row", "unit", "yardstick", "ours", "ratio"
    );
    for row in rows {
        let ratio = match (row.ours(), row.floor()) {
            (Some(ours), Some(floor)) if floor.median > 0.0 => {
                format!("{:.2}x", ours.median / floor.median)
            }
            _ => "-".to_owned(),
        };
        let others: Vec<String> =
            row.others().map(|(name, figure)| format!("{name} {}", cell(Some(figure)))).collect();
        println!(
            "{:<34} {:<6} {:>18} {:>20} {:>7}  {}",
            row.row.name,
            row.row.unit,
            cell(row.floor()),
            cell(row.ours()),
            ratio,
            if others.is_empty() { "-".to_owned() } else { others.join(" · ") }
        );
    }
}

/// The figures: `{"suite","rows":[{"name","unit","ours","floor","peers":{…}}]}`.
pub(crate) fn json(suite: &str, rows: &[Measured]) -> String {
    let number = |figure: Option<Figure>| figure.map_or(Value::Null, |figure| json!(figure.median));
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let peers: Map<String, Value> = row
                .others()
                .map(|(name, figure)| (name.to_owned(), number(Some(figure))))
                .collect();
            json!({
                "name": row.row.name,
                "unit": row.row.unit,
                "ours": number(row.ours()),
                "floor": number(row.floor()),
                "peers": peers,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&json!({ "suite": suite, "rows": rows }));
    text.unwrap_or_default() + "\n"
}

fn cell(figure: Option<Figure>) -> String {
    let Some(Figure { median, min }) = figure else { return "-".to_owned() };
    if (median - min).abs() < 1e-9 {
        return short(median);
    }
    format!("{} ({})", short(median), short(min))
}

/// Three figures that matter.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100_000.0 => format!("{:.0}k", value / 1e3),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
