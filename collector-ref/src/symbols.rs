//! Names of code in the stacks that agents send, from debug files that are here.
//!
//! A file counts only by its build-id. Files are looked for in the folder `symbols` of the data
//! folder, where uploaded ones are, where the system keeps debug files, and where the agent loaded them from, in case it
//! runs on this machine.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use scouter_core::native::{Missing, Symbol, Symbols, build_id_hex};
use scouter_wire::codec::{FrameEntry, ModuleEntry};
use serde_json::{Value, json};

/// Most addresses whose names are remembered; past it all are forgotten, and looked up again.
const MAX_REMEMBERED: usize = 65_536;

/// Opens debug files and keeps them open.
pub(crate) struct Symboliser {
    folder: PathBuf,
    remembered: Mutex<Remembered>,
}

struct Remembered {
    symbols: Symbols,
    /// By build-id and address: one is in many stacks. What is missing may be there the next time.
    known: HashMap<(Vec<u8>, u64), Vec<Symbol>>,
}

impl Remembered {
    fn look_up(&mut self, module: &ModuleEntry, offset: u64) -> Result<Vec<Symbol>, Missing> {
        let key = (module.build_id.clone(), offset);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let found = self.symbols.look_up(&module.path, &module.build_id, offset)?;
        if self.known.len() >= MAX_REMEMBERED {
            self.known.clear();
        }
        self.known.insert(key, found.clone());
        Ok(found)
    }
}

impl fmt::Debug for Symboliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symboliser").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A frame that has been looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The function or step, or `file+0xoffset`.
    pub(crate) name: String,
    /// `file:line`, or empty.
    pub(crate) place: String,
    pub(crate) is_inlined: bool,
    /// Why there is no name, or empty.
    pub(crate) missing: String,
}

impl Symboliser {
    /// Looks into the folder `symbols` of a data folder besides the usual places.
    pub(crate) fn new(data: &Path) -> Self {
        let folder = data.join("symbols");
        let symbols = Symbols::new([folder.clone()]);
        Self { folder, remembered: Mutex::new(Remembered { symbols, known: HashMap::new() }) }
    }

    /// The folder in which debug files are looked for first.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The functions of a frame, the innermost first; at least one entry. Reads files: never on a
    /// thread that serves connections.
    pub(crate) fn name(&self, modules: &[ModuleEntry], frame: &FrameEntry) -> Vec<Named> {
        let plain = |name: String, missing: String| Named {
            name,
            place: String::new(),
            is_inlined: false,
            missing,
        };
        let (module, offset) = match frame {
            FrameEntry::Step(name) => return vec![plain(name.clone(), String::new())],
            FrameEntry::Code { module, offset } => (*module, *offset),
        };
        let module = module.and_then(|place| modules.get(usize::try_from(place).ok()?));
        let Some(module) = module else {
            return vec![plain(format!("{offset:#x}"), "the code belongs to no file".to_owned())];
        };
        match self.remembered.lock().look_up(module, offset) {
            Ok(symbols) => symbols
                .into_iter()
                .map(|symbol| {
                    let has_line = !symbol.file.is_empty() && symbol.line > 0;
                    let place = if has_line {
                        format!("{}:{}", symbol.file, symbol.line)
                    } else {
                        String::new()
                    };
                    let name = if symbol.function.is_empty() {
                        format!("{}+{offset:#x}", file_name(&module.path))
                    } else {
                        symbol.function
                    };
                    Named { name, place, is_inlined: symbol.is_inlined, missing: String::new() }
                })
                .collect(),
            Err(why) => {
                vec![plain(format!("{}+{offset:#x}", file_name(&module.path)), why.to_string())]
            }
        }
    }

    /// A frame as JSON.
    pub(crate) fn json(&self, modules: &[ModuleEntry], frame: &FrameEntry) -> Value {
        let names = self.name(modules, frame);
        let functions: Vec<Value> = names
            .iter()
            .map(|one| json!({"name": one.name, "place": one.place, "inlined": one.is_inlined}))
            .collect();
        let missing = names.iter().map(|one| one.missing.as_str()).find(|why| !why.is_empty());
        match frame {
            FrameEntry::Step(_) => json!({ "functions": functions }),
            FrameEntry::Code { module, offset } => json!({
                "functions": functions,
                "missing": missing,
                "module": module,
                "offset": format!("{offset:#x}"),
            }),
        }
    }
}

/// Modules of an answer as JSON.
pub(crate) fn modules(modules: &[ModuleEntry]) -> Vec<Value> {
    modules
        .iter()
        .map(|module| json!({ "path": module.path, "build_id": build_id_hex(&module.build_id) }))
        .collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
