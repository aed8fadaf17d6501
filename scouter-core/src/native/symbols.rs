//! Names and lines of code, from the debug information of the file it is in.
//!
//! Reading it takes milliseconds, for a large program seconds and its size in memory: never on a
//! thread that serves requests, and by default not in the application at all but in the collector.
//! A debug file counts only if it has the build-id of what is running; a line from another build
//! would be a lie.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use addr2line::Loader;
use object::Object;
use object::read::ReadCache;

use super::build_id_hex;
use crate::clock;

/// Where systems keep debug files.
const SYSTEM_FOLDER: &str = "/usr/lib/debug";

/// Longest file that is read, in bytes.
pub const MAX_DEBUG_FILE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Most files that are kept open. Past it the one that was opened first is closed.
pub const MAX_DEBUG_FILES: usize = 32;

/// How long it is believed that a file is not here, µs: somebody may bring it.
const MISSING_FOR_US: u64 = 5_000_000;

/// Most functions that one address lies in, inlined ones included; further ones are left out.
const MAX_INLINED: usize = 32;

/// A function that an address lies in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Symbol {
    /// Its name without hash, or empty.
    pub function: String,
    /// Its source file, or empty.
    pub file: String,
    /// The line in it; 0 when it is not known.
    pub line: u32,
    /// Whether it was inlined into the one that follows.
    pub is_inlined: bool,
}

/// Why an address has no name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The file carries no build-id, so that no debug file can be told to be its own.
    BuildId,
    /// Neither the file nor a debug file with this build-id is here.
    File {
        /// The build-id in hexadecimal digits.
        build_id: String,
    },
    /// The file cannot be read.
    Damaged(String),
    /// The file is here and says nothing about the address: it was stripped.
    Stripped,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuildId => f.write_str("the file has no build-id: link with --build-id"),
            Self::File { build_id } => {
                write!(f, "no file with build-id {build_id} is here: upload its debug file")
            }
            Self::Damaged(why) => write!(f, "the debug file cannot be read: {why}"),
            Self::Stripped => f.write_str("the file was stripped: its debug file is not here"),
        }
    }
}

impl std::error::Error for Missing {}

/// The build-id of a program, a library or a debug file.
///
/// # Errors
/// [`Missing::BuildId`] if it has none, [`Missing::Damaged`] if it is something else.
pub fn build_id_of(path: &Path) -> Result<Vec<u8>, Missing> {
    let damaged = |why: &dyn fmt::Display| Missing::Damaged(why.to_string());
    let cache = ReadCache::new(File::open(path).map_err(|error| damaged(&error))?);
    let file = object::File::parse(&cache).map_err(|error| damaged(&error))?;
    match file.build_id() {
        Ok(Some(build_id)) if !build_id.is_empty() => Ok(build_id.to_owned()),
        Ok(_) => Err(Missing::BuildId),
        Err(error) => Err(damaged(&error)),
    }
}

/// Finds debug files and keeps them open.
pub struct Symbols {
    folders: Vec<PathBuf>,
    files: Vec<Opened>,
}

struct Opened {
    key: Key,
    loader: Result<Loader, Missing>,
    /// When it was looked for, µs of a steady clock.
    at_us: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    path: String,
    build_id: Vec<u8>,
}

impl fmt::Debug for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbols").field("folders", &self.folders).finish_non_exhaustive()
    }
}

impl Symbols {
    /// Looks into these folders, then where the system keeps debug files, then at the file itself.
    /// In a folder a debug file is `.build-id/ab/cdef.debug`, as distributions lay it out, or
    /// `abcdef.debug`.
    #[must_use]
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let system = std::iter::once(PathBuf::from(SYSTEM_FOLDER));
        Self { folders: folders.into_iter().chain(system).collect(), files: Vec::new() }
    }

    /// The functions at an address of a file, the innermost first; at least one.
    ///
    /// # Errors
    /// See [`Missing`].
    pub fn look_up(
        &mut self,
        path: &str,
        build_id: &[u8],
        offset: u64,
    ) -> Result<Vec<Symbol>, Missing> {
        let loader = self.loader(path, build_id)?;
        let mut symbols = Vec::new();
        if let Ok(mut frames) = loader.find_frames(offset) {
            while let (Ok(Some(frame)), true) = (frames.next(), symbols.len() < MAX_INLINED) {
                let name = frame.function.as_ref().and_then(|name| name.demangle().ok());
                let location = frame.location.as_ref();
                symbols.push(Symbol {
                    function: name.map(|name| readable(&name)).unwrap_or_default(),
                    file: location.and_then(|place| place.file).unwrap_or_default().to_owned(),
                    line: location.and_then(|place| place.line).unwrap_or(0),
                    is_inlined: true,
                });
            }
        }
        symbols.retain(|symbol| !symbol.function.is_empty() || symbol.line > 0);
        let outer = loader.find_symbol(offset).map(|name| readable(&demangled(name)));
        match (symbols.last_mut(), outer) {
            (Some(last), outer) => {
                last.is_inlined = false;
                // The symbol table has the whole path, line tables the bare name.
                last.function = outer.unwrap_or_else(|| std::mem::take(&mut last.function));
            }
            (None, Some(function)) => symbols.push(Symbol { function, ..Symbol::default() }),
            (None, None) => return Err(Missing::Stripped),
        }
        Ok(symbols)
    }

    fn loader(&mut self, path: &str, build_id: &[u8]) -> Result<&Loader, Missing> {
        let now_us = clock::steady_us();
        let is_stale =
            |file: &Opened| file.loader.is_err() && now_us.abs_diff(file.at_us) >= MISSING_FOR_US;
        self.files.retain(|file| !is_stale(file));
        let is_wanted = |key: &Key| key.path == path && key.build_id == build_id;
        let at = match self.files.iter().position(|file| is_wanted(&file.key)) {
            Some(at) => at,
            None => {
                if self.files.len() >= MAX_DEBUG_FILES {
                    drop(self.files.remove(0));
                }
                let key = Key { path: path.to_owned(), build_id: build_id.to_owned() };
                let loader = self.open(path, build_id);
                self.files.push(Opened { key, loader, at_us: now_us });
                self.files.len() - 1
            }
        };
        self.files[at].loader.as_ref().map_err(Clone::clone)
    }

    fn open(&self, path: &str, build_id: &[u8]) -> Result<Loader, Missing> {
        if build_id.is_empty() {
            return Err(Missing::BuildId);
        }
        let hex = build_id_hex(build_id);
        let (first, rest) = hex.split_at(2);
        let places = self.folders.iter().flat_map(|folder| {
            let nested = folder.join(".build-id").join(first).join(format!("{rest}.debug"));
            [nested, folder.join(format!("{hex}.debug"))]
        });
        let own = Path::new(path).is_absolute().then(|| PathBuf::from(path));
        let found = places.chain(own).find(|place| is_of(place, build_id));
        let found = found.ok_or(Missing::File { build_id: hex })?;
        Loader::new(found).map_err(|error| Missing::Damaged(error.to_string()))
    }
}

/// Whether a file is a program or library with this build-id. The path may come from elsewhere, so
/// that nothing but a regular file is opened.
fn is_of(path: &Path, build_id: &[u8]) -> bool {
    let is_file = std::fs::metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_DEBUG_FILE_BYTES);
    is_file && build_id_of(path).is_ok_and(|found| found == build_id)
}

fn demangled(name: &str) -> String {
    addr2line::demangle_auto(name.into(), None).into_owned()
}

/// A name without the hash that the compiler appends.
fn readable(name: &str) -> String {
    let (head, hash) = name.rsplit_once("::h").unwrap_or((name, ""));
    let is_hash = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { head.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_hash_and_nothing_else() {
        for (name, shown) in [
            ("core::fmt::write::h0123456789abcdef", "core::fmt::write"),
            ("a::hello", "a::hello"),
            ("main", "main"),
        ] {
            assert_eq!(readable(name), shown);
        }
    }

    #[test]
    fn what_is_missing_is_said_and_only_a_file_of_this_build_is_believed() {
        let exe = std::env::current_exe().unwrap();
        let exe = exe.to_str().unwrap();
        let mut symbols = Symbols::new([]);
        assert_eq!(symbols.look_up(exe, &[], 1), Err(Missing::BuildId));
        let other = symbols.look_up(exe, &[0xab, 0xcd], 1).unwrap_err();
        assert!(other.to_string().contains("build-id abcd"), "{other}");
        let device = symbols.look_up("/dev/zero", &[1, 2], 1).unwrap_err();
        assert!(matches!(device, Missing::File { .. }), "{device}");
    }
}
