//! Summaries, differences and the counted picture over HTTP.

use scouter_collector::store::quantise;
use serde_json::json;

use super::agent::{Tx, tx, txs};
use super::collector::{ALL, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_counts_by_any_dimension_and_cuts_the_list_alone() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let mut rows = txs(1, 30);
    rows[..10].iter_mut().for_each(|row| row.error = "boom");
    agent.send(&rows);
    let url = format!("/api/v1/summary?{ALL}&by=error&limit=1");
    let answer = collector.json(&url).await;
    assert_eq!((&answer["total"], &answer["group_count"]), (&json!(30), &json!(2)));
    let groups = answer["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1);
    assert_eq!((&groups[0]["value"], &groups[0]["count"]), (&json!(""), &json!(20)));
    let answer = collector.json(&format!("/api/v1/summary?{ALL}&by=end&f=err")).await;
    assert_eq!(answer["groups"][0]["value"], "complete");
    assert_eq!((&answer["total"], &answer["groups"][0]["errors"]), (&json!(10), &json!(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_distinguishes_a_box_is_named_with_its_shares() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let mut rows = txs(1, 200);
    rows[..50].iter_mut().for_each(|row| {
        row.elapsed_us = 9_000_000;
        row.error = "no route to host";
    });
    agent.send(&rows);
    let low = quantise::elapsed(8_000_000);
    let answer = collector.json(&format!("/api/v1/differences?{ALL}&y0q={low}")).await;
    assert_eq!((&answer["selected"], &answer["rest"]), (&json!(50), &json!(150)));
    let first = &answer["values"][0];
    assert_eq!(first["dimension"], "error");
    let shares = json!([first["selected_share"], first["rest_share"]]);
    let with_error = first["value"] == "no route to host";
    assert_eq!(shares, if with_error { json!([1.0, 0.0]) } else { json!([0.0, 1.0]) });
    assert!(first["least_difference"].as_f64().unwrap().abs() > 0.8, "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counted_picture_has_every_transaction_in_its_pixel() {
    let collector = start().await;
    let base = 1_795_000_000_000_000_i64;
    let row = |id: u64| Tx {
        end_unix_us: base + i64::try_from(id).unwrap() * 1_000_000,
        elapsed_us: id * 1_000,
        error: if id.is_multiple_of(5) { "boom" } else { "" },
        ..tx(id)
    };
    collector.agent("/test/orders").send(&(1..=40).map(row).collect::<Vec<_>>());
    let (first, high) = (base / 1_000 / 500, quantise::elapsed(20_000));
    let shape = format!("column_ms=500&first_column={first}&columns=100&rows=50&y1q={high}");
    let url = collector.url(&format!("/api/v1/grid?{shape}"));
    let body = collector.client.get(url).send().await.unwrap().bytes().await.unwrap();
    let (header, all, errors) = grid_of_body(&body);
    assert_eq!(header, [100, 50, 40, 40]);
    assert_eq!((all.len(), all.iter().sum::<u64>()), (100 * 51, 40));
    assert_eq!(errors.iter().sum::<u64>(), 8);
    // Everything above 20 ms is in the lane, a column of its own each.
    let lane: Vec<usize> = (0..100).filter(|column| all[column * 51] == 1).collect();
    assert_eq!(lane, (21..=40).map(|id| id * 2).collect::<Vec<_>>());
}

/// Header and planes of a counted picture.
fn grid_of_body(mut body: &[u8]) -> ([u64; 4], Vec<u64>, Vec<u64>) {
    assert_eq!(body[0], 1, "version");
    body = &body[1..];
    let mut number = || {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = body[0];
            body = &body[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    };
    let header: [u64; 4] = std::array::from_fn(|_| number());
    let cells = usize::try_from(header[0] * (header[1] + 1)).unwrap();
    let mut planes = [const { Vec::new() }; 2];
    for plane in &mut planes {
        while plane.len() < cells {
            match number() {
                0 => plane.resize(plane.len() + usize::try_from(number()).unwrap(), 0),
                count => plane.push(count),
            }
        }
    }
    assert!(body.is_empty());
    let [all, errors] = planes;
    (header, all, errors)
}
