//! Other layers, filters, and what our own layers record already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use scouter_core::testing::capture;
use scouter_tracing::Bridge;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber, debug, info, info_span, trace};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer};

use crate::support::{recorded, recorded_by, within};

#[test]
fn what_our_layers_record_themselves_is_skipped() {
    let code = || {
        within(|| {
            let request = info_span!(target: "tower_http::trace::make_span", "request");
            request.in_scope(|| {
                info!(target: "sqlx::query", summary = "SELECT 1");
                info!(target: "hyper::client", "connected");
                info_span!(target: "orders::reqwest", "mine").in_scope(|| ());
            });
        });
    };
    assert_eq!(recorded_by(Bridge::new(), code).tree(), "GET /\n    mine\n");
    let kept = Bridge::new().keep_target("tower_http").skip_target("orders");
    assert_eq!(recorded_by(kept, code).tree(), "GET /\n    request\n");
}

/// Counts what it is shown.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Counting {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn chatter() {
    info_span!("work").in_scope(|| {
        trace!("seen by others");
        debug!("seen by others");
        info!("seen by all");
        info!(target: "hyper", "seen by others");
    });
}

#[test]
fn other_layers_see_everything_whatever_we_skip() {
    let (below, above) = (Counting::default(), Counting::default());
    let subscriber =
        tracing_subscriber::registry().with(below.clone()).with(Bridge::new()).with(above.clone());
    let recording = capture(|| tracing::subscriber::with_default(subscriber, || within(chatter)));
    assert_eq!(recording.tree(), "GET /\n    work\n        message \"seen by all\"\n");
    assert_eq!(below.0.load(Ordering::Relaxed), 5);
    assert_eq!(above.0.load(Ordering::Relaxed), 5);
}

#[test]
fn a_filter_of_ours_alone_and_one_for_all_are_kept_to() {
    let others = Counting::default();
    let own = Bridge::new().with_filter(EnvFilter::new("off,it::neighbours=info"));
    let subscriber = tracing_subscriber::registry().with(own).with(others.clone());
    let recording = capture(|| {
        tracing::subscriber::with_default(subscriber, || {
            within(|| {
                chatter();
                info!(target: "elsewhere", "filtered out for us");
            });
        });
    });
    assert_eq!(recording.tree(), "GET /\n    work\n        message \"seen by all\"\n");
    assert_eq!(others.0.load(Ordering::Relaxed), 6);

    let subscriber =
        tracing_subscriber::registry().with(EnvFilter::new("warn")).with(Bridge::new());
    let recording = capture(|| tracing::subscriber::with_default(subscriber, || within(chatter)));
    assert_eq!(recording.tree(), "GET /\n");
}

#[test]
fn two_bridges_with_different_rules_do_not_share_their_decisions() {
    let code = || {
        within(|| {
            info_span!(target: "hyper", "both").in_scope(|| ());
        });
    };
    assert_eq!(recorded_by(Bridge::new(), code).tree(), "GET /\n");
    assert_eq!(recorded_by(Bridge::new().keep_target("hyper"), code).tree(), "GET /\n    both\n");
    assert_eq!(recorded_by(Bridge::new(), code).tree(), "GET /\n");
}

#[test]
fn a_span_that_is_filtered_out_leaves_its_children_to_the_parent() {
    let recording = recorded(|| {
        info_span!("outer").in_scope(|| {
            info_span!(target: "tower", "between").in_scope(|| info_span!("inner").in_scope(|| ()));
        });
    });
    assert_eq!(recording.tree(), "GET /\n    outer\n        inner\n");
}
