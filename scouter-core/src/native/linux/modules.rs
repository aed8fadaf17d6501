//! The files with code in this process, and copies of what unwinding them needs.
//!
//! The loader says what is loaded under its own lock, and only there. Whatever another thread may
//! unload is copied meanwhile; a reference into it would dangle after a `dlclose`. The program
//! itself is never unloaded and may be large, so it is referred to.

use std::ffi::CStr;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::native::Module;

/// Most modules that are kept; code in others has addresses only.
const MAX_MODULES: usize = 4_096;

/// Longest note that is looked at for a build-id, in bytes.
const MAX_BUILD_ID_BYTES: usize = 64;

/// Bytes of a section, copied or of the program itself.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    Own(Arc<[u8]>),
    Program(&'static [u8]),
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Program(&[])
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Program(bytes) => bytes,
        }
    }
}

/// One loaded file.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) module: Arc<Module>,
    /// Where its addresses begin in memory: what is added to those of the file.
    pub(super) base: u64,
    /// Its addresses in memory.
    pub(super) range: Range<u64>,
    /// Its code, as the file has it.
    pub(super) text: Range<u64>,
    /// Unwind information with its address, as the file has it.
    pub(super) eh_frame: (Range<u64>, Bytes),
    pub(super) eh_frame_hdr: (Range<u64>, Bytes),
}

/// How often something was loaded and unloaded so far.
pub(super) fn changes() -> (u64, u64) {
    let mut changes = (0, 0);
    iterate(&mut |info| {
        changes = (info.dlpi_adds, info.dlpi_subs);
        false
    });
    changes
}

/// All loaded files; `number` gives a new number to each that is not in `known`.
pub(super) fn loaded(known: &[Loaded], number: &mut u32) -> Vec<Loaded> {
    let mut all = Vec::new();
    iterate(&mut |info| {
        let is_program = all.is_empty();
        if let Some(one) = read(info, is_program, known, number) {
            all.push(one);
        }
        all.len() < MAX_MODULES
    });
    all
}

/// Calls `visit` with each loaded file, until it answers `false`.
fn iterate(visit: &mut dyn FnMut(&libc::dl_phdr_info) -> bool) {
    type Visit<'a> = &'a mut dyn FnMut(&libc::dl_phdr_info) -> bool;
    /// # Safety
    /// `data` points to the closure below.
    unsafe extern "C" fn each(
        info: *mut libc::dl_phdr_info,
        _: usize,
        data: *mut libc::c_void,
    ) -> i32 {
        // SAFETY: the loader passes a valid entry, and back what it was given: the closure, which
        // lives on the stack of `iterate`.
        let (info, visit) = unsafe { (&*info, &mut *data.cast::<Visit<'_>>()) };
        i32::from(!visit(info))
    }
    let mut visit: Visit<'_> = visit;
    // SAFETY: the callback fits its declaration and `visit` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut visit).cast()) };
}

fn read(
    info: &libc::dl_phdr_info,
    is_program: bool,
    known: &[Loaded],
    number: &mut u32,
) -> Option<Loaded> {
    // SAFETY: the loader keeps the headers of a file while it is loaded, which it is during its
    // iteration.
    let headers =
        unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let base = info.dlpi_addr;
    let segment =
        |header: &libc::Elf64_Phdr| header.p_vaddr..header.p_vaddr.saturating_add(header.p_memsz);
    let loads = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    let low = loads().map(|header| header.p_vaddr).min()?;
    let high = loads().map(|header| segment(header).end).max()?;
    let text = loads().find(|header| header.p_flags & libc::PF_X != 0).map(segment)?;
    let range = base.wrapping_add(low)..base.wrapping_add(high);
    let of = |range: &Range<u64>| -> Option<&'static [u8]> {
        let is_inside = loads()
            .any(|header| segment(header).start <= range.start && range.end <= segment(header).end);
        let start = usize::try_from(base.wrapping_add(range.start)).ok()?;
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        is_inside.then(|| {
            let pointer = std::ptr::with_exposed_provenance::<u8>(start);
            // SAFETY: a part of a segment that is loaded now. It is used within the iteration, or
            // belongs to the program, which is never unloaded.
            unsafe { std::slice::from_raw_parts(pointer, length) }
        })
    };
    let hdr = headers.iter().find(|header| header.p_type == libc::PT_GNU_EH_FRAME).map(segment)?;
    let hdr_bytes = of(&hdr)?;
    let start = eh_frame(hdr.start, hdr_bytes)?;
    let end = loads().map(segment).find(|range| range.contains(&start))?.end;
    let frame_bytes = of(&(start..end))?;
    let old = known.iter().find(|old| old.range == range && old.eh_frame_hdr.1[..] == *hdr_bytes);
    let module = match old {
        Some(old) => Arc::clone(&old.module),
        None => {
            *number = number.wrapping_add(1);
            let notes = headers.iter().filter(|header| header.p_type == libc::PT_NOTE);
            let build_id = notes.filter_map(|note| build_id(of(&segment(note))?)).next();
            let build_id = build_id.unwrap_or_default();
            Arc::new(Module { number: *number, path: path(info, is_program), build_id })
        }
    };
    let bytes = |bytes: &'static [u8]| {
        if is_program { Bytes::Program(bytes) } else { Bytes::Own(Arc::from(bytes)) }
    };
    Some(Loaded {
        module,
        base,
        range,
        text,
        eh_frame: (start..end, bytes(frame_bytes)),
        eh_frame_hdr: (hdr, bytes(hdr_bytes)),
    })
}

fn path(info: &libc::dl_phdr_info, is_program: bool) -> String {
    // SAFETY: the loader's names are C strings, or null.
    let name = (!info.dlpi_name.is_null()).then(|| unsafe { CStr::from_ptr(info.dlpi_name) });
    let name = name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !name.is_empty() || !is_program {
        return name;
    }
    std::fs::read_link("/proc/self/exe")
        .map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Where `.eh_frame` begins: version, encoding of the pointer, two more encodings, the pointer.
/// Linkers write it relative to itself in four bytes; another form is not read.
fn eh_frame(address: u64, header: &[u8]) -> Option<u64> {
    const RELATIVE_IN_FOUR_BYTES: u8 = 0x1b;
    let [1, RELATIVE_IN_FOUR_BYTES, _, _, offset @ ..] = header.first_chunk::<8>()? else {
        return None;
    };
    Some(address.wrapping_add(4).wrapping_add_signed(i64::from(i32::from_le_bytes(*offset))))
}

/// The build-id among the notes of a segment.
fn build_id(mut notes: &[u8]) -> Option<Vec<u8>> {
    const BUILD_ID: u32 = 3;
    loop {
        let (head, rest) = notes.split_first_chunk::<12>()?;
        let [name, value, kind] = [0, 4, 8]
            .map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let name_length = usize::try_from(name).ok()?;
        let length = usize::try_from(value).ok()?;
        let name = rest.get(..name_length)?;
        let value_at = name_length.checked_next_multiple_of(4)?;
        let value = rest.get(value_at..)?.get(..length)?;
        if kind == BUILD_ID && name == b"GNU\0" && length <= MAX_BUILD_ID_BYTES {
            return Some(value.to_vec());
        }
        notes = rest.get(value_at.checked_add(length.checked_next_multiple_of(4)?)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_and_the_c_library_are_found_with_what_unwinds_them() {
        let mut number = 0;
        let all = loaded(&[], &mut number);
        let here = (loaded as *const ()).addr() as u64;
        let program = all.iter().find(|one| one.range.contains(&here)).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(program.module.path, exe.to_string_lossy());
        assert!(!program.module.build_id.is_empty());
        let there = (libc::getpid as *const ()).addr() as u64;
        assert!(
            all.iter().any(|one| one.range.contains(&there) && one.module.path.contains("libc"))
        );
        let again = loaded(&all, &mut number);
        assert!(all.iter().zip(&again).all(|(old, new)| old.module.number == new.module.number));
        assert_eq!(changes(), changes());
    }

    #[test]
    fn notes_that_are_cut_anywhere_hold_no_build_id_and_do_no_harm() {
        let mut notes =
            [1_u32, 2, 1].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        notes.extend_from_slice(b"A\0\0\0xy\0\0");
        notes.extend([4_u32, 3, 3].iter().flat_map(|word| word.to_le_bytes()));
        notes.extend_from_slice(b"GNU\0\x01\x02\x03\0");
        assert_eq!(build_id(&notes), Some(vec![1, 2, 3]));
        for length in 0..notes.len() - 1 {
            assert_eq!(build_id(&notes[..length]), None);
        }
        assert_eq!(eh_frame(0x100, &[1, 0x1b, 3, 0x3b, 0x10, 0, 0, 0]), Some(0x114));
        assert_eq!(eh_frame(0x100, &[1, 0x1b, 3]), None);
    }
}
