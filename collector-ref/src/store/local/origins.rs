//! What the store has of whom: the high-water mark of every origin, so that a frame that is sent
//! again is not kept twice, also after its WAL file is gone.

use std::collections::HashMap;

use scouter_wire::ObjectId;

use crate::store::{Origin, OriginMark, WalSeq};

/// Most origins remembered. Past it those that were used longest ago are forgotten; such an agent
/// would have to be silent for as long as 65,536 others take to start, and then repeat a frame.
pub(crate) const MAX_ORIGINS: usize = 65_536;

/// High-water marks by origin.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    marks: HashMap<Origin, Mark>,
    clock: u64,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    mark: OriginMark,
    /// The record of its last frame; 0 when that was durable when the store was opened.
    last: WalSeq,
    /// When it was used last, on a clock that counts uses.
    used: u64,
}

impl Origins {
    /// Highest sequence kept of an origin.
    pub(crate) fn high_water(&self, origin: Origin) -> Option<u64> {
        self.marks.get(&origin).map(|mark| mark.mark.high_water)
    }

    /// Highest sequence kept of an origin, once all it sent is durable.
    pub(crate) fn durable_high_water(&self, origin: Origin, durable: WalSeq) -> Option<u64> {
        let mark = self.marks.get(&origin)?;
        (mark.last <= durable).then_some(mark.mark.high_water)
    }

    /// Whether this frame has been kept already.
    pub(crate) fn has(&self, origin: Origin, seq: u64) -> bool {
        self.high_water(origin).is_some_and(|high| seq <= high)
    }

    /// A frame has been kept, by this record of the log.
    pub(crate) fn kept(
        &mut self,
        origin: Origin,
        seq: u64,
        object: ObjectId,
        xlogs: u64,
        profiles: u64,
        record: WalSeq,
    ) {
        self.clock += 1;
        let used = self.clock;
        let new = OriginMark { origin, object, high_water: 0, xlogs: 0, profiles: 0 };
        let entry = self.marks.entry(origin).or_insert(Mark { mark: new, last: record, used });
        entry.used = used;
        entry.last = record;
        entry.mark.object = object;
        entry.mark.high_water = entry.mark.high_water.max(seq);
        entry.mark.xlogs += xlogs;
        entry.mark.profiles += profiles;
        self.bound();
    }

    /// Takes over a mark of the manifest.
    pub(crate) fn restore(&mut self, mark: OriginMark) {
        self.clock += 1;
        self.marks.insert(mark.origin, Mark { mark, last: WalSeq(0), used: self.clock });
        self.bound();
    }

    /// All marks, those used longest ago first.
    pub(crate) fn all(&self) -> Vec<OriginMark> {
        let mut marks: Vec<_> = self.marks.values().collect();
        marks.sort_unstable_by_key(|mark| mark.used);
        marks.into_iter().map(|mark| mark.mark).collect()
    }

    fn bound(&mut self) {
        if self.marks.len() <= MAX_ORIGINS {
            return;
        }
        // A tenth at once, so that the sort is rare.
        let mut used: Vec<_> = self.marks.values().map(|mark| mark.used).collect();
        used.sort_unstable();
        let oldest_kept = used[MAX_ORIGINS / 10];
        self.marks.retain(|_, mark| mark.used >= oldest_kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(instance: u128) -> Origin {
        Origin { instance, epoch: 1 }
    }

    #[test]
    fn frames_up_to_the_mark_are_known_and_others_are_not() {
        let mut origins = Origins::default();
        assert!(!origins.has(origin(1), 1));
        origins.kept(origin(1), 3, ObjectId(1), 10, 5, WalSeq(1));
        origins.kept(origin(1), 7, ObjectId(1), 1, 0, WalSeq(4));
        for (seq, known) in [(1, true), (3, true), (7, true), (8, false)] {
            assert_eq!(origins.has(origin(1), seq), known, "{seq}");
        }
        assert_eq!(origins.durable_high_water(origin(1), WalSeq(3)), None, "not on the disk yet");
        assert_eq!(origins.durable_high_water(origin(1), WalSeq(4)), Some(7));
        assert!(!origins.has(Origin { instance: 1, epoch: 2 }, 1));
        assert_eq!(origins.all()[0].xlogs, 11);
    }

    #[test]
    fn origins_used_longest_ago_are_forgotten_first() {
        let mut origins = Origins::default();
        for instance in 0..=MAX_ORIGINS as u128 {
            origins.kept(origin(instance), 1, ObjectId(1), 0, 0, WalSeq(0));
        }
        assert!(origins.all().len() <= MAX_ORIGINS);
        assert!(!origins.has(origin(0), 1));
        assert!(origins.has(origin(MAX_ORIGINS as u128), 1));
    }
}
