//! Events.

use scouter_core::record::Outcome;
use scouter_tracing::Bridge;
use tracing::{debug, error, info, info_span, instrument, warn};

use crate::support::{recorded, recorded_by, within};

#[test]
fn events_become_messages_where_they_happen() {
    let recording = recorded(|| {
        info!("outside of spans");
        info_span!("inside").in_scope(|| {
            warn!(order = 7, "stock is {}", "low");
            debug!("below the level");
        });
    });
    assert_eq!(
        recording.tree(),
        "GET /\n    message \"outside of spans\"\n    inside\n        message \"stock is low\"\n"
    );
}

#[test]
fn fields_of_events_are_shown_when_asked_for() {
    let recording = recorded_by(Bridge::new().with_fields(), || {
        within(|| {
            info!(order = 7, customer = "ann", "stored");
            info!(order = 8);
        });
    });
    assert_eq!(
        recording.tree(),
        "GET /\n    message \"stored order=7 customer=ann\"\n    message \"order=8\"\n"
    );
}

#[instrument(err)]
fn pay() -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

#[test]
fn an_error_event_is_the_error_of_the_transaction_and_fails_its_step() {
    let recording = recorded(|| {
        info_span!("checkout").in_scope(|| assert!(pay().is_err()));
        error!(error = "second", "too late to be the first");
    });
    let row = recording.only();
    assert_eq!(row.error, std::fmt::Error.to_string());
    let steps = recording.steps(row.txid);
    let outcomes: Vec<_> = steps.iter().map(|step| (&*step.name, step.outcome)).collect();
    assert_eq!(outcomes[..2], [("checkout", Outcome::Ok), ("pay", Outcome::Error)]);
    assert_eq!(steps[1].error, row.error);
    assert!(
        recording.tree().ends_with("    error \"too late to be the first error=second\"\n"),
        "{}",
        recording.tree()
    );
}

#[test]
fn an_event_without_any_text_shows_its_place_and_a_long_one_is_cut() {
    let recording = recorded(|| {
        info!(order = 7);
        info!("{}", "y".repeat(1 << 20));
    });
    let tree = recording.tree();
    assert!(tree.contains("message \"event ") && tree.contains("events.rs:"), "{tree}");
    assert!(tree.len() < 600, "{}", tree.len());
}

#[test]
fn events_outside_of_a_transaction_leave_nothing() {
    let recording = recorded_by(Bridge::new(), || {
        error!("nobody's");
        within(|| ());
    });
    assert_eq!(recording.tree(), "GET /\n");
}
