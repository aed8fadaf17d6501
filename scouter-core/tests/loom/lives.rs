//! One writer, its readers, and a foreign thread that closes.
//!
//! Not here: a foreign close that races with the next life of the same record. loom keeps the
//! modification order of a word as a partial one and lets a plain store that follows a
//! compare-exchange stay unordered with it, which no memory model allows; so it reports a store
//! that got lost. That property is held by a stress test on real threads (`header.rs`).

use loom::thread;
use scouter_wire::record::Outcome;

use crate::header::{Header, Word};
use crate::records::{Record, closed, end_of, open_word};
use crate::texts::{Slot, Texts, walk};

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn live(header: &'static Header, value: u64) -> u32 {
    header.prepare(16);
    header.set(Word::Txid, value);
    header.set(Word::GxidLow, value);
    header.publish()
}

#[test]
fn reader_never_mixes_two_lives_of_a_header() {
    loom::model(|| {
        let header = leak(Header::blank(0));
        assert_eq!(live(header, 1), 1);
        let writer = thread::spawn(move || {
            header.retire();
            live(header, 2);
        });
        let copied = header.read_life(|header, generation| {
            (generation, header.word(Word::Txid), header.word(Word::GxidLow))
        });
        if let Ok(Some((generation, first, second))) = copied {
            assert_eq!(
                (first, second),
                match generation {
                    1 => (1, 1),
                    _ => (2, 2),
                }
            );
        }
        writer.join().unwrap();
    });
}

#[test]
fn steps_a_reader_sees_are_published_whole() {
    loom::model(|| {
        let header = leak(Header::blank(0));
        let generation = live(header, 1);
        let writer = thread::spawn(move || {
            for n in [10, 20] {
                let (_, index) = header.push([n, n, header.open_word(generation), n]).unwrap();
                header.set_current(index);
            }
        });
        let index = header.current_for_readers();
        if header.len() > 0 && index < 16 {
            let words = header.record(index).unwrap().read().expect("written once");
            let n = (u64::from(index) + 1) * 10;
            assert_eq!(words, [n, n, header.open_word(generation), n]);
        }
        writer.join().unwrap();
    });
}

#[test]
fn record_that_is_rewritten_reads_as_one_of_its_contents_or_not_at_all() {
    loom::model(|| {
        let record = leak(Record::blank());
        record.write([1; 4]);
        let writer = thread::spawn(move || {
            record.write([2; 4]);
            record.write([3; 4]);
        });
        if let Some(words) = record.read() {
            assert_eq!(words, [words[0]; 4]);
        }
        writer.join().unwrap();
    });
}

#[test]
fn of_two_foreign_threads_exactly_one_closes() {
    loom::model(|| {
        let record = leak(Record::blank());
        record.write([1, 1, open_word(0, 1), 0]);
        let other = thread::spawn(move || {
            record.close_from_elsewhere(open_word(0, 1), closed(5, Outcome::Cancelled))
        });
        let here = record.close_from_elsewhere(open_word(0, 1), closed(6, Outcome::Panic));
        let there = other.join().unwrap();
        assert!(here != there);
        let (ticks, _) = end_of(record.owned()[2]).unwrap();
        assert_eq!(ticks, if here { 6 } else { 5 });
    });
}

#[test]
fn text_that_is_replaced_reads_as_one_of_both_or_not_at_all() {
    loom::model(|| {
        let texts = leak(Texts::blank());
        texts.set(Slot::Tenant, 0, "aaaaaaaaaa");
        let writer = thread::spawn(move || {
            texts.set(Slot::Tenant, 0, "bbbbbbbbbb");
        });
        let mut words = Vec::new();
        if texts.copy_for_readers(&mut words) {
            walk(&words, &mut Vec::new(), |_, _, text| {
                assert!(matches!(text, "aaaaaaaaaa" | "bbbbbbbbbb"), "{text}");
            });
        }
        writer.join().unwrap();
    });
}
