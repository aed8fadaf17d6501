//! Rewriting frames for another store.

use crate::sample::{assert_is_sample, frames, name, origin, parse, text};
use scouter_wire::codec::{
    DecodeError, HashSeed, Origin, RewriteError, StoreId, TextEntry, TextName, TextTable,
    rewrite_frame,
};
use scouter_wire::{TextKind, TextRef};

const NEW_SEED: HashSeed = HashSeed(99);

/// The number the agent knows a text by, from how the old store named it.
fn known(entry: TextEntry) -> Option<(TextKind, TextRef)> {
    let kind = entry.kind()?;
    (1..100).map(TextRef).find(|number| name(kind, *number) == entry.name).map(|n| (kind, n))
}

#[test]
fn a_rewritten_batch_names_the_new_store_and_only_hashes() {
    let (_, bytes) = frames().into_iter().find(|(name, _)| *name == "batch").unwrap();
    let target = Origin { store: StoreId(8), object: 0, ..origin() };
    let mut out = Vec::new();
    rewrite_frame(&mut out, &parse(&bytes), &target, |entry| {
        known(entry).map(|(kind, number)| TextName::Hash(NEW_SEED.hash(kind, &text(kind, number))))
    })
    .unwrap();
    let rewritten = parse(&out);
    assert_eq!(rewritten.header.seq, parse(&bytes).header.seq);
    let mut table = TextTable::default();
    let view = scouter_wire::codec::BatchView::parse(rewritten.body, &mut table).unwrap();
    assert_eq!(view.origin, target);
    assert!(table.entries().iter().all(|entry| matches!(entry.name, TextName::Hash(_))));

    // Back again: nothing of the records was lost.
    let mut back = Vec::new();
    rewrite_frame(&mut back, &rewritten, &origin(), |entry| {
        let kind = entry.kind()?;
        let number = (1..100)
            .map(TextRef)
            .find(|n| TextName::Hash(NEW_SEED.hash(kind, &text(kind, *n))) == entry.name)?;
        Some(name(kind, number))
    })
    .unwrap();
    assert_eq!(back, bytes);
    assert_is_sample(parse(&back).body);
}

#[test]
fn every_frame_survives_being_rewritten_for_its_own_store() {
    for (what, bytes) in frames() {
        let mut out = Vec::new();
        rewrite_frame(&mut out, &parse(&bytes), &origin(), |entry| Some(entry.name)).unwrap();
        assert_eq!(out, bytes, "{what}");
    }
}

#[test]
fn an_unknown_text_is_named_and_nothing_is_written() {
    let (_, bytes) = frames().into_iter().find(|(name, _)| *name == "batch").unwrap();
    let mut out = vec![1];
    let result = rewrite_frame(&mut out, &parse(&bytes), &origin(), |_| None);
    assert!(matches!(result, Err(RewriteError::UnknownText(_))));
    assert_eq!(out, [1]);
}

#[test]
fn a_damaged_frame_is_not_rewritten() {
    let (_, bytes) = frames().into_iter().find(|(name, _)| *name == "batch").unwrap();
    let mut frame = parse(&bytes);
    frame.body = &frame.body[..30];
    let result = rewrite_frame(&mut Vec::new(), &frame, &origin(), |entry| Some(entry.name));
    assert!(matches!(result, Err(RewriteError::Decode(DecodeError::Truncated(_)))));
}
