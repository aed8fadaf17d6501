//! The golden vectors shared with the page.

use scouter_collector::store::{AxisKind, GridShape, Measure, quantise};

#[test]
fn golden_vectors_shared_with_the_page_hold() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/test/golden/quantiser.json");
    let golden: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (y, t) = (golden["y"].as_array().unwrap(), golden["t"].as_array().unwrap());
    assert!(y.len() >= 20 && t.len() >= 4);
    for pair in y {
        let elapsed = pair[0].as_u64().unwrap();
        assert_eq!(u64::from(quantise::elapsed(elapsed)), pair[1].as_u64().unwrap(), "{elapsed}");
    }
    for pair in t {
        assert_eq!(quantise::time_ms(pair[0].as_i64().unwrap()), pair[1].as_i64().unwrap());
    }
}

#[test]
fn rows_of_the_counted_picture_are_those_of_the_page() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/ui/test/golden/rows.json");
    let golden: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let shapes = golden["shapes"].as_array().unwrap();
    assert!(shapes.len() >= 6);
    for shape in shapes {
        let number = |name: &str| u16::try_from(shape[name].as_u64().unwrap()).unwrap();
        let axis = if shape["axis"] == "log" { AxisKind::Log } else { AxisKind::Linear };
        let (low, high, rows) = (number("low"), number("high"), number("rows"));
        let picture = GridShape {
            column_ms: 1,
            first_column: 0,
            columns: 1,
            rows,
            measure: Measure::Elapsed,
            axis,
            low,
            high,
        };
        let row_of = picture.row_of();
        for pair in shape["cells"].as_array().unwrap() {
            let cell = usize::try_from(pair[0].as_u64().unwrap()).unwrap();
            let row = pair[1].as_u64().unwrap();
            assert_eq!(u64::from(row_of[cell]), row, "{axis:?} {low}-{high} of {rows}, {cell}");
        }
    }
}
