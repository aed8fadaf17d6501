//! A number of the application's own, from its line of code to the collector's answer.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::watched::Watched;

#[test]
fn a_counter_of_the_application_is_among_the_counters_of_its_object() {
    let watched = Watched::start();
    scouter::counter("orders_of_this_test").add(7);
    watched.run(async {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
        let path = format!(
            "/api/v1/counters?from_unix_us={}&to_unix_us={}&name=app_orders_of_this_test%7C",
            now - 60_000_000,
            now + 600_000_000
        );
        let path = &path;
        let (object, value) = watched
            .until(|| async move {
                let answer = watched.get(path).await?;
                let series = answer["series"].as_array()?.first()?.clone();
                let value = series["points"].as_array()?.iter().find_map(|point| {
                    point.as_array()?.get(1)?.as_f64().filter(|value| *value > 0.0)
                })?;
                Some((series["object"].as_str()?.to_owned(), value))
            })
            .await;
        assert!(object.ends_with("/in-flight"), "{object}");
        assert!((value - 7.0).abs() < f64::EPSILON, "{value}");
    });
}
