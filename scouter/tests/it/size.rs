//! What the wrapper adds to the size of a future, level by level.

use scouter::scout;

type Argument = [u64; 4];

async fn pause() {
    tokio::task::yield_now().await;
}

async fn plain_leaf(argument: Argument) -> u64 {
    pause().await;
    argument[0]
}

async fn plain_mid(argument: Argument) -> u64 {
    plain_leaf(argument).await + argument[1]
}

async fn plain_top(argument: Argument) -> u64 {
    plain_mid(argument).await + argument[2]
}

#[scout]
async fn leaf(argument: Argument) -> u64 {
    pause().await;
    argument[0]
}

#[scout]
async fn mid(argument: Argument) -> u64 {
    leaf(argument).await + argument[1]
}

#[scout]
async fn top(argument: Argument) -> u64 {
    mid(argument).await + argument[2]
}

#[scout(args(argument), ret, err)]
async fn everything(argument: Argument) -> Result<u64, String> {
    pause().await;
    Ok(argument[0])
}

/// Bytes that one level may add: its arguments once more, and the state of the step.
const STEP_BYTES: usize = size_of::<Argument>() + 56;

#[test]
fn each_level_adds_no_more_than_its_budget() {
    let argument = [0; 4];
    let plain = [
        size_of_val(&plain_leaf(argument)),
        size_of_val(&plain_mid(argument)),
        size_of_val(&plain_top(argument)),
    ];
    let ours =
        [size_of_val(&leaf(argument)), size_of_val(&mid(argument)), size_of_val(&top(argument))];
    for (levels, (plain, ours)) in plain.into_iter().zip(ours).enumerate() {
        let budget = plain + (levels + 1) * STEP_BYTES;
        assert!(ours <= budget, "level {levels}: {ours} bytes, plain {plain}, budget {budget}");
    }
    // Looking at the result adds words, not a copy of the future.
    let watched = size_of_val(&everything(argument));
    assert!(watched <= ours[0] + 56, "{watched} bytes with args, ret and err, {} without", ours[0]);
}
