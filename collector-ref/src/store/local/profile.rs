//! Finds and decodes the profile of a transaction.

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use scouter_wire::record::{ProfileFate, Step};

use super::hot::Generation;
use super::manifest::PackEntry;
use super::pack::{FrameTexts, PackIndex, read_frame};
use super::texts::UNKNOWN;
use super::{Inner, MAX_OPEN_PACKS};
use crate::store::{ProfileAt, ProfileMissing, Row, Texts};

impl Inner {
    /// Visits the steps of a row's profile.
    pub(super) fn profile(
        &self,
        row: &Row,
        visit: &mut dyn FnMut(&Step<'_>, &dyn Texts),
    ) -> Result<(), ProfileMissing> {
        match row.profile {
            ProfileFate::Empty => return Err(ProfileMissing::Empty),
            ProfileFate::SampledOut => return Err(ProfileMissing::SampledOut),
            ProfileFate::Dropped => return Err(ProfileMissing::DroppedByAgent),
            _ => {}
        }
        let at = match row.profile_at {
            Some(at) => at,
            None => self.find_late(row.txid.value())?,
        };
        let (section, texts) = self.frame(at)?;
        read_frame(&section, &texts, at.index, visit)
    }

    /// Where a profile lies that came in another frame than its row.
    fn find_late(&self, txid: u64) -> Result<ProfileAt, ProfileMissing> {
        let (hot, packs) = {
            let tables = self.tables.read();
            let mut hot: Vec<Arc<Generation>> = vec![Arc::clone(&tables.active)];
            hot.extend(tables.frozen.iter().map(|frozen| Arc::clone(&frozen.generation)));
            (hot, Arc::clone(&tables.packs))
        };
        for generation in hot {
            if let Some((frame, index)) = generation.data.read().late_profiles.get(&txid) {
                return Ok(ProfileAt { pack: generation.pack(), frame: *frame, index: *index });
            }
        }
        for pack in packs.iter().rev().filter(|pack| pack.orphans > 0) {
            match self.open_pack(pack) {
                Ok(index) => {
                    if let Some((frame, place)) = index.orphan(txid) {
                        return Ok(ProfileAt { pack: pack.id, frame, index: place });
                    }
                }
                Err(ProfileMissing::Corrupt(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ProfileMissing::NotArrived)
    }

    /// The bytes and texts of a frame, from the WAL of a generation in memory or from a pack.
    fn frame(&self, at: ProfileAt) -> Result<(Vec<u8>, FrameTexts), ProfileMissing> {
        let (hot, packs) = {
            let tables = self.tables.read();
            let frozen = tables.frozen.iter().map(|frozen| &frozen.generation);
            let mut generations = frozen.chain([&tables.active]);
            let hot = generations.find(|generation| generation.pack() == at.pack).cloned();
            (hot, Arc::clone(&tables.packs))
        };
        if let Some(generation) = hot {
            return self.hot_frame(&generation, at.frame);
        }
        let entry = packs.iter().find(|pack| pack.id == at.pack);
        self.open_pack(entry.ok_or(ProfileMissing::Expired)?)?.frame(at.frame)
    }

    fn hot_frame(
        &self,
        generation: &Generation,
        frame: u32,
    ) -> Result<(Vec<u8>, FrameTexts), ProfileMissing> {
        let frame = generation.data.read().frames.get(frame as usize).cloned();
        let frame = frame.ok_or_else(|| ProfileMissing::Corrupt("no such frame".into()))?;
        let mut section = vec![0; frame.bytes as usize];
        generation.wal.read_exact_at(&mut section, frame.offset).map_err(ProfileMissing::Io)?;
        let text = |(kind, id): &(u8, scouter_wire::TextRef)| match id.0 {
            0 => Arc::from(""),
            id => self.dictionary.text(*kind, id).unwrap_or_else(|| UNKNOWN.into()),
        };
        Ok((section, FrameTexts(frame.texts.iter().map(text).collect())))
    }

    fn open_pack(&self, entry: &PackEntry) -> Result<Arc<PackIndex>, ProfileMissing> {
        let mut open = self.open_packs.lock();
        if let Some(place) = open.iter().position(|(id, _)| *id == entry.id) {
            let pack = open.remove(place);
            open.push(pack.clone());
            return Ok(pack.1);
        }
        drop(open);
        let path = self.layout.sealed(&entry.file);
        let index = match PackIndex::open(&path) {
            Ok(Ok(index)) => Arc::new(index),
            Ok(Err(damaged)) => {
                self.report_corrupt(path, damaged.to_string());
                return Err(ProfileMissing::Corrupt("the index of its pack is damaged".into()));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.report_corrupt(path, error.to_string());
                return Err(ProfileMissing::Corrupt("its pack is gone".into()));
            }
            Err(error) => return Err(ProfileMissing::Io(error)),
        };
        let mut open = self.open_packs.lock();
        if open.len() >= MAX_OPEN_PACKS {
            open.remove(0);
        }
        open.push((entry.id, Arc::clone(&index)));
        Ok(index)
    }
}
