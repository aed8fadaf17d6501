//! The modules of an answer: each once, its frames by its place in the list.

use std::collections::HashMap;

use scouter_core::native::Frame;
use scouter_wire::codec::{FrameEntry, ModuleEntry};

/// Modules that were seen, by their numbers in this process.
#[derive(Debug, Default)]
pub(super) struct Modules {
    entries: Vec<ModuleEntry>,
    places: HashMap<u32, u32>,
}

impl Modules {
    pub(super) fn frame(&mut self, frame: &Frame) -> FrameEntry {
        let module = frame.module.as_ref().map(|module| {
            let next = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
            *self.places.entry(module.number).or_insert_with(|| {
                let (path, build_id) = (module.path.clone(), module.build_id.clone());
                self.entries.push(ModuleEntry { path, build_id });
                next
            })
        });
        FrameEntry::Code { module, offset: frame.offset }
    }

    pub(super) fn entries(&self) -> Vec<ModuleEntry> {
        self.entries.clone()
    }
}
