//! Two collectors, each with a store of its own; the agent goes from one to the other and back.

use super::recorder::{agent, flush, record};
use super::support::{Home, Turn, ids_in, until_some_is_acknowledged};

#[test]
fn when_one_of_two_collectors_dies_nothing_is_lost_and_in_both_is_only_what_was_under_way() {
    let turn = Turn::take();
    let (first_home, first) = Home::program();
    let (second_home, second) = Home::program();
    let addresses = format!("{},{}", first_home.address(), second_home.address());
    let guard = agent(&addresses).start().unwrap();
    let mut under_way = 0;

    record(1_700);
    until_some_is_acknowledged(&guard, 0);
    under_way += turn.unacknowledged(&guard);
    first.kill();
    record(1_700);
    flush(&guard);
    assert!(second.total() >= 1_700, "the second has what came after");

    let first = first_home.start_again();
    record(1_700);
    let before = guard.telemetry().acked_xlogs;
    record(1_700);
    until_some_is_acknowledged(&guard, before);
    under_way += turn.unacknowledged(&guard);
    second.kill();
    record(1_700);
    turn.end_without_loss(guard);
    assert!(first.total() > 1_700, "it has come back");
    first.kill();

    let (first, second) = (ids_in(first_home.folder.path()), ids_in(second_home.folder.path()));
    let either = first.union(&second).count() as u64;
    assert_eq!(either, turn.recorded(), "each is in one of them at least");
    let both = first.intersection(&second).count() as u64;
    assert!(both <= under_way, "{both} are in both, {under_way} were not acknowledged");
}
