//! The golden vectors shared with the page.

use scouter_collector::store::quantise;

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
