//! Code of the agent's process in answers and alerts: files, each once, and addresses in them.

use std::collections::HashMap;
use std::sync::Arc;

use super::answers::put_list_within;
use super::bytes::{Reader, put_bytes, put_text, put_varint};
use super::{DecodeError, MAX_LIST_ITEMS, MAX_SENTENCE_BYTES};
use crate::record::CodeFrame;
use crate::text::MAX_TEXT_BYTES;

/// Most frames of one stack; further ones are left out at the root.
pub const MAX_STACK_FRAMES: usize = 512;

/// Longest build-id in bytes.
const MAX_BUILD_ID_BYTES: usize = 64;

/// Bytes that the files of an answer may take.
const MAX_MODULES_BYTES: usize = 1024 * 1024;

/// A file with code of the agent's process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ModuleEntry {
    /// Where it was loaded from.
    pub path: String,
    /// Its build-id, or empty.
    pub build_id: Vec<u8>,
}

/// One frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a frame of another form cannot be read at all")]
pub enum FrameEntry {
    /// A step, by its name.
    Step(String),
    /// Code: its address in one of the answer's modules, by its place in their list; without one
    /// in memory.
    Code {
        /// Place in the list of modules.
        module: Option<u32>,
        /// The address.
        offset: u64,
    },
}

/// The files of a stack, each once, and its frames in them.
#[must_use]
pub fn code_entries(stack: &[CodeFrame]) -> (Vec<ModuleEntry>, Vec<FrameEntry>) {
    let mut modules = Vec::new();
    let mut places = HashMap::new();
    let frames = stack.iter().map(|frame| {
        let module = (!frame.path.is_empty()).then(|| {
            let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
            *places.entry((&frame.path, &frame.build_id)).or_insert_with(|| {
                let (path, build_id) = (frame.path.to_string(), frame.build_id.to_vec());
                modules.push(ModuleEntry { path, build_id });
                next
            })
        });
        FrameEntry::Code { module, offset: frame.offset }
    });
    let frames = frames.collect();
    (modules, frames)
}

/// The stack of these frames, those of code. One in a file that is not listed is in none.
#[must_use]
pub fn code_frames(modules: &[ModuleEntry], frames: &[FrameEntry]) -> Vec<CodeFrame> {
    let files: Vec<(Arc<str>, Arc<[u8]>)> = modules
        .iter()
        .map(|one| (one.path.as_str().into(), one.build_id.as_slice().into()))
        .collect();
    let file = |place: u32| files.get(usize::try_from(place).ok()?).cloned();
    let code = frames.iter().filter_map(|frame| match frame {
        FrameEntry::Step(_) => None,
        FrameEntry::Code { module, offset } => Some((*module, *offset)),
    });
    code.map(|(module, offset)| {
        let (path, build_id) =
            module.and_then(file).unwrap_or_else(|| ("".into(), Vec::new().into()));
        CodeFrame { path, build_id, offset }
    })
    .collect()
}

pub(super) fn put_modules(out: &mut Vec<u8>, modules: &[ModuleEntry]) {
    put_list_within(out, MAX_MODULES_BYTES, modules, |out, module| {
        put_text(out, &module.path, MAX_SENTENCE_BYTES);
        put_bytes(out, &module.build_id[..module.build_id.len().min(MAX_BUILD_ID_BYTES)]);
    });
}

pub(super) fn read_modules(reader: &mut Reader<'_>) -> Result<Vec<ModuleEntry>, DecodeError> {
    let mut modules = Vec::new();
    for _ in 0..reader.length(MAX_LIST_ITEMS, "modules")? {
        let mut record = reader.record("module")?;
        modules.push(ModuleEntry {
            path: record.text(MAX_SENTENCE_BYTES, "module")?.to_owned(),
            build_id: record.bytes(MAX_BUILD_ID_BYTES, "build-id")?.to_vec(),
        });
    }
    Ok(modules)
}

/// A frame is 0 and a name, 1 and an address in memory, or the place of a module from 2 on and an
/// address in it.
pub(super) fn put_frames(out: &mut Vec<u8>, frames: &[FrameEntry]) {
    let frames = &frames[..frames.len().min(MAX_STACK_FRAMES)];
    put_varint(out, frames.len() as u64);
    for frame in frames {
        match frame {
            FrameEntry::Step(name) => {
                put_varint(out, 0);
                put_text(out, name, MAX_TEXT_BYTES);
            }
            FrameEntry::Code { module, offset } => {
                put_varint(out, module.map_or(1, |module| u64::from(module) + 2));
                put_varint(out, *offset);
            }
        }
    }
}

pub(super) fn read_frames(reader: &mut Reader<'_>) -> Result<Vec<FrameEntry>, DecodeError> {
    let mut frames = Vec::new();
    for _ in 0..reader.length(MAX_STACK_FRAMES, "frames")? {
        frames.push(match reader.varint("frame")? {
            0 => FrameEntry::Step(reader.text(MAX_TEXT_BYTES, "frame")?.to_owned()),
            1 => FrameEntry::Code { module: None, offset: reader.varint("frame")? },
            place => FrameEntry::Code {
                module: Some(
                    u32::try_from(place - 2).map_err(|_| DecodeError::OutOfRange("module"))?,
                ),
                offset: reader.varint("frame")?,
            },
        });
    }
    Ok(frames)
}
