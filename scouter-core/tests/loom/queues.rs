//! One producer, one consumer.

use std::sync::Mutex;

use loom::thread;

use crate::header::{Header, Word};
use crate::queue::{Profiles, Segment, Segments, Summaries};
use crate::sync::Ordering;

/// Recycles segments. Its lock is never held across an operation of loom.
#[derive(Default)]
struct Pool(Mutex<Vec<&'static Segment>>);

impl Segments for Pool {
    fn take(&self) -> Option<&'static Segment> {
        let known = self.0.lock().unwrap().pop();
        Some(known.unwrap_or_else(|| Box::leak(Box::new(Segment::blank()))))
    }

    fn give(&self, segment: &'static Segment) {
        self.0.lock().unwrap().push(segment);
    }
}

#[test]
fn rows_arrive_whole_in_order_and_once_while_segments_are_reused() {
    loom::model(|| {
        let pool: &'static Pool = Box::leak(Box::new(Pool::default()));
        let queue: &'static Summaries = Box::leak(Box::new(Summaries::new(pool.take().unwrap())));
        // Two words a row and its length: two rows fill a segment of the model.
        let producer = thread::spawn(move || {
            for n in 1..=3 {
                assert!(queue.push(2, pool, |words| {
                    words.iter().for_each(|word| word.store(n, Ordering::Relaxed));
                }));
            }
        });
        let (mut rows, mut scratch) = (Vec::new(), Vec::new());
        queue.consume(9, pool, &mut scratch, &mut |row| rows.push(row.to_vec()));
        let (produced, _, consumed) = queue.counts();
        assert!(consumed <= produced);
        producer.join().unwrap();
        queue.consume(9, pool, &mut scratch, &mut |row| rows.push(row.to_vec()));
        assert_eq!(rows, [[1, 1], [2, 2], [3, 3]]);
        assert_eq!(queue.counts(), (3, 0, 3));
    });
}

#[test]
fn finished_header_is_visible_to_whoever_takes_it() {
    loom::model(|| {
        let queue: &'static Profiles = Box::leak(Box::new(Profiles::new()));
        let header: &'static Header = Box::leak(Box::new(Header::blank(0)));
        let producer = thread::spawn(move || {
            header.prepare(16);
            header.publish();
            header.push([7, 7, 7, 7]).unwrap();
            header.set(Word::Txid, 42);
            header.retire();
            assert!(queue.push(header));
        });
        if let Some(taken) = queue.pop() {
            assert_eq!((taken.word(Word::Txid), taken.len()), (42, 1));
            assert_eq!(taken.record(0).unwrap().owned(), [7; 4]);
        }
        producer.join().unwrap();
    });
}

#[test]
fn full_profile_queue_refuses_until_one_is_taken() {
    loom::model(|| {
        let queue: &'static Profiles = Box::leak(Box::new(Profiles::new()));
        let header: &'static Header = Box::leak(Box::new(Header::blank(0)));
        let producer = thread::spawn(move || (0..3).filter(|_| queue.push(header)).count());
        let taken = usize::from(queue.pop().is_some());
        let pushed = producer.join().unwrap();
        let rest = std::iter::from_fn(|| queue.pop()).count();
        assert_eq!(pushed, taken + rest);
        assert!(pushed >= 2);
    });
}
