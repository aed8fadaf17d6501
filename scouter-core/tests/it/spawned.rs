//! Child lanes.

use scouter_core::record::{StepKind, XLogKind};
use scouter_core::testing::{RecordedDetail, capture, capture_async};
use scouter_core::{Field, InCurrent, callsite, current, in_transaction, spawn, step};

use crate::support::{begin, poll_once};

#[tokio::test]
async fn spawned_task_is_a_transaction_of_its_own_that_names_its_parent() {
    let recording = capture_async(async {
        let transaction = begin("GET /report");
        transaction.set_text(Field::Tenant, "acme");
        let work = async {
            let task = spawn(async {
                let _step = step(callsite!(name: "background work"));
                current::tenant_string()
            });
            assert_eq!(task.await.unwrap(), "acme");
        };
        in_transaction(transaction, work).await;
    })
    .await;
    let parent = recording.xlog("GET /report").unwrap();
    let child = recording.xlog("spawn GET /report").unwrap();
    assert_eq!((child.gxid, child.caller), (parent.gxid, Some(parent.txid)));
    assert_eq!((child.kind, child.tenant.as_str()), (XLogKind::Spawned, "acme"));
    let noted = &recording.steps(parent.txid)[0];
    assert_eq!(noted.kind, StepKind::Spawn);
    assert_eq!(noted.detail, RecordedDetail::Spawn { child: Some(child.txid) });
    assert_eq!(recording.steps(child.txid)[0].name, "background work");
}

#[test]
fn child_outlives_its_parent() {
    let recording = capture(|| {
        let parent = begin("parent");
        let mut task = {
            let _entered = parent.enter();
            Box::pin(crate::support::yield_once().in_current_named("child"))
        };
        assert!(poll_once(&mut task).is_pending());
        drop(parent);
        assert!(poll_once(&mut task).is_ready());
    });
    let (parent, child) = (recording.xlog("parent").unwrap(), recording.xlog("child").unwrap());
    assert_eq!(child.caller, Some(parent.txid));
}

#[test]
fn grandchild_names_its_service_once() {
    let recording = capture(|| {
        let parent = begin("root");
        let _entered = parent.enter();
        let mut task = Box::pin(async { async {}.in_current().await }.in_current());
        assert!(poll_once(&mut task).is_ready());
    });
    let spawned = recording.xlogs.iter().filter(|xlog| xlog.service == "spawn root").count();
    assert_eq!(spawned, 2);
}

#[tokio::test]
async fn without_a_transaction_the_task_just_runs() {
    let recording = capture_async(async { spawn(async { 7 }).await.unwrap() }).await;
    assert!(recording.xlogs.is_empty());
}
