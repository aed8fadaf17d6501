//! A network that goes silent: no reset, no end, only nothing more.

use std::process::Command;

use super::recorder::{agent, record, until};
use super::support::{Home, OBJECT, Turn, ids_in, itself};
use crate::store::full_disk::{is_forbidden, told};

/// The network of a name space, with nothing in it but loopback: taken down, both ends of each
/// connection stay open and nothing arrives, as when a cable is pulled.
#[test]
fn a_connection_that_goes_silent_is_given_up_and_what_it_carried_arrives_once() {
    let mut child = Command::new("unshare");
    child.args(["-rn", "sh", "-c", "ip link set lo up || exit 77; exec \"$0\" \"$@\""]);
    let test = itself("weather::network::in_a_name_space");
    let output = child.arg(test.get_program()).args(test.get_args()).output().unwrap();
    if is_forbidden(&output) {
        return;
    }
    let told = told(&output);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

fn network(is_up: bool) {
    let state = if is_up { "up" } else { "down" };
    let set = Command::new("ip").args(["link", "set", "lo", state]).status();
    assert!(set.unwrap().success());
}

#[test]
#[ignore = "run by `a_connection_that_goes_silent_is_given_up_and_what_it_carried_arrives_once`"]
fn in_a_name_space() {
    let turn = Turn::take();
    let (home, collector) = Home::program();
    let guard = agent(&home.address()).start().unwrap();
    let http = |path: &str| collector.json(path);
    record(500);
    turn.assert_both_sides_agree(&guard, &http);
    for _ in 0..3 {
        let before = guard.telemetry();
        network(false);
        record(1_200);
        // Without a single packet from the other side: it is only the silence that it notices.
        until("it has given up", || {
            guard.telemetry().connection_failures > before.connection_failures
        });
        turn.assert_balance_when_quiet(&guard);
        network(true);
        until("it is welcome again", || guard.telemetry().connections > before.connections);
        record(1_200);
        turn.assert_both_sides_agree(&guard, &http);
    }
    let listed = http("/api/v1/objects")["objects"].as_array().unwrap().clone();
    let alive = listed.iter().filter(|object| object["name"] == OBJECT).count();
    assert_eq!(alive, 1, "half-open connections are not further processes");
    turn.end_without_loss(guard);
    collector.kill();
    assert_eq!(ids_in(home.folder.path()).len() as u64, turn.recorded());
}
