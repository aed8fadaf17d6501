//! What sqlx offers, compared with what was looked at when this facade was written.
//!
//! A method that sqlx adds to `Pool` or `Transaction` reaches users through the dereference, not
//! recorded; one it adds to `Executor` has a default that may go around ours. So the list of its
//! public methods is checked in, with how each is dealt with, and a new one fails this test until
//! somebody has decided.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const LIST: &str = include_str!("upstream.txt");

/// Folder of a package in the registry's sources.
fn package_folder(name: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata = String::from_utf8(output.stdout).unwrap();
    let ending = format!("/{name}-0.9.0/Cargo.toml\"");
    let end = metadata.find(&ending).unwrap_or_else(|| panic!("{name} 0.9.0 is not in the build"));
    let start = metadata[..end].rfind('"').unwrap() + 1;
    PathBuf::from(&metadata[start..end + ending.len() - 1]).parent().unwrap().to_owned()
}

/// The platform of this build; the packages of others may not have been fetched.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// A block of source at the left margin, by its header.
#[derive(Clone, Copy)]
enum Block {
    /// `impl Type { … }`: its public methods.
    Inherent(&'static str),
    /// `pub trait Name { … }`.
    Trait(&'static str),
    /// `impl Trait for … Type … { … }`.
    TraitImpl(&'static str, &'static str),
    /// `macro_rules! name { … }`.
    Macro(&'static str),
}

impl Block {
    fn is(self, header: &str) -> bool {
        match self {
            Self::Inherent(name) => subject(header)
                .is_some_and(|subject| !subject.contains(" for ") && first_name(subject) == name),
            Self::Trait(name) => {
                header.strip_prefix("pub trait ").is_some_and(|rest| first_name(rest) == name)
            }
            Self::TraitImpl(name, of) => subject(header).is_some_and(|subject| {
                let parts = subject.split_once(" for ");
                parts.is_some_and(|(left, right)| first_name(left) == name && right.contains(of))
            }),
            Self::Macro(name) => header == format!("macro_rules! {name} {{"),
        }
    }

    /// What stands before the name of one of its methods.
    fn keywords(self) -> [&'static str; 3] {
        match self {
            Self::Inherent(_) => ["    pub fn ", "    pub async fn ", "    pub const fn "],
            Self::Trait(_) | Self::TraitImpl(..) => ["    fn ", "    async fn ", "    const fn "],
            Self::Macro(_) => ["        fn ", "        async fn ", "        const fn "],
        }
    }
}

/// What an `impl` is of: `Executor<'c> for &'c mut Conn<DB>`, without parameters and bounds.
fn subject(header: &str) -> Option<&str> {
    let rest = header.strip_prefix("impl")?;
    let rest = if rest.starts_with('<') {
        let mut depth = 0;
        let end = rest.find(|letter| {
            depth += i32::from(letter == '<') - i32::from(letter == '>');
            depth == 0
        })?;
        &rest[end + 1..]
    } else {
        rest
    };
    Some(rest.split(" where ").next().unwrap_or(rest).trim())
}

fn first_name(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &text[..end.unwrap_or(text.len())]
}

/// Names of the methods in all blocks of this kind.
fn methods(source: &str, block: Block) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut header, mut is_inside, mut is_table) = (String::new(), false, false);
    for line in source.lines() {
        if line == "}" {
            (header, is_inside) = (String::new(), false);
            continue;
        }
        if !is_inside {
            let starts = ["impl", "pub trait ", "macro_rules! "];
            if header.is_empty() && !starts.iter().any(|start| line.starts_with(start)) {
                continue;
            }
            header = format!("{header}{}{}", if header.is_empty() { "" } else { " " }, line.trim());
            is_inside = line.ends_with('{');
            if line.ends_with([';', '}']) {
                header.clear();
            }
            continue;
        }
        if !block.is(&header) {
            continue;
        }
        // Our tables of methods that only hand on a value: `max_connections(max: u32);`.
        is_table = match line {
            "    setters! {" | "    getters! {" => true,
            "    }" => false,
            _ => is_table,
        };
        let rest = block.keywords().iter().find_map(|keyword| line.strip_prefix(keyword));
        let name = first_name(
            rest.or_else(|| line.strip_prefix("        ").filter(|_| is_table)).unwrap_or(""),
        );
        if !name.is_empty() {
            found.insert(name.to_owned());
        }
    }
    found
}

/// Each type or trait: where it is in sqlx-core, and where in our sources with what block.
const COMPARED: [(&str, &str, Block, &str, &[Block]); 9] = [
    (
        "Pool",
        "pool/mod.rs",
        Block::Inherent("Pool"),
        "recorded_pool.rs",
        &[Block::Inherent("Pool")],
    ),
    (
        "PoolConnection",
        "pool/connection.rs",
        Block::Inherent("PoolConnection"),
        "connection.rs",
        &[Block::Inherent("PoolConnection")],
    ),
    (
        "PoolOptions",
        "pool/options.rs",
        Block::Inherent("PoolOptions"),
        "options.rs",
        &[Block::Inherent("PoolOptions")],
    ),
    (
        "Transaction",
        "transaction.rs",
        Block::Inherent("Transaction"),
        "transaction.rs",
        &[Block::Inherent("Transaction")],
    ),
    (
        "Connection",
        "connection.rs",
        Block::Trait("Connection"),
        "connect.rs",
        &[Block::Trait("Connection")],
    ),
    (
        "ConnectOptions",
        "connection.rs",
        Block::Trait("ConnectOptions"),
        "connect_options.rs",
        &[Block::Trait("ConnectOptions")],
    ),
    ("Acquire", "acquire.rs", Block::Trait("Acquire"), "acquire.rs", &[Block::Trait("Acquire")]),
    (
        "Executor",
        "executor.rs",
        Block::Trait("Executor"),
        "executor.rs",
        &[Block::Macro("fetching_methods"), Block::TraitImpl("Executor", "mut Conn<DB>")],
    ),
    (
        "Execute",
        "executor.rs",
        Block::Trait("Execute"),
        "taken.rs",
        &[Block::TraitImpl("Execute", "Taken<DB>")],
    ),
];

/// What the drivers' own connections offer beside the traits; reached through the dereference.
const DRIVERS: [(&str, &str, &str, Block); 7] = [
    ("MySqlConnection", "sqlx-mysql", "connection", Block::Inherent("MySqlConnection")),
    ("PgConnection", "sqlx-postgres", "connection", Block::Inherent("PgConnection")),
    ("PgConnection", "sqlx-postgres", "copy.rs", Block::Inherent("PgConnection")),
    ("PgPoolCopyExt", "sqlx-postgres", "copy.rs", Block::Trait("PgPoolCopyExt")),
    ("PgListener", "sqlx-postgres", "listener.rs", Block::Inherent("PgListener")),
    ("SqliteConnection", "sqlx-sqlite", "connection", Block::Inherent("SqliteConnection")),
    ("AnyConnection", "sqlx-core", "any/connection", Block::Inherent("AnyConnection")),
];

/// The source of a file, or of all files of a folder.
fn source(path: &Path) -> String {
    if path.is_file() {
        return std::fs::read_to_string(path).unwrap();
    }
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| source(&path) + "\n").collect()
}

/// `Type::method` and how it is dealt with.
fn list() -> BTreeMap<String, &'static str> {
    LIST.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(' ').unwrap())
        .map(|(method, dealt)| (method.to_owned(), dealt.trim()))
        .collect()
}

#[test]
fn every_public_method_of_sqlx_has_been_decided_on() {
    let core = package_folder("sqlx-core").join("src");
    let mut found = BTreeSet::new();
    for (name, file, block, ..) in COMPARED {
        let source = std::fs::read_to_string(core.join(file)).unwrap();
        let methods = methods(&source, block);
        assert!(methods.len() > 1, "the source of {name} was not understood: {methods:?}");
        found.extend(methods.into_iter().map(|method| format!("{name}::{method}")));
    }
    for (name, package, path, block) in DRIVERS {
        let methods = methods(&source(&package_folder(package).join("src").join(path)), block);
        found.extend(methods.into_iter().map(|method| format!("{name}::{method}")));
    }
    let listed: BTreeSet<String> = list().into_keys().collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(new.is_empty(), "new in sqlx, shadow them or list them as passed through: {new:#?}");
    assert!(gone.is_empty(), "no longer in sqlx, take them off the list: {gone:#?}");
}

#[test]
fn what_the_list_calls_ours_is_a_method_of_our_type() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (name, _, _, file, blocks) in COMPARED {
        let source = std::fs::read_to_string(sources.join(file)).unwrap();
        let ours: BTreeSet<String> =
            blocks.iter().flat_map(|block| methods(&source, *block)).collect();
        for (method, dealt) in list() {
            let Some(method) = method.strip_prefix(&format!("{name}::")) else { continue };
            match dealt {
                "ours" => assert!(ours.contains(method), "{name}::{method} is not in {file}"),
                "passed" => assert!(!ours.contains(method), "{name}::{method} is ours"),
                other => panic!("{name}::{method}: unknown word {other:?}"),
            }
        }
    }
}

#[test]
fn a_method_is_found_by_its_whole_name_in_the_blocks_of_its_type_only() {
    let source = "
impl<DB: Database> Pool<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c>,
{
    pub fn try_begin_with(&self) {
        fn try_acquire() {}
    }
    pub(crate) fn try_begin_at(&self) {}
    fn close(&self) {}

    setters! {
        max_connections(max: u32);
    }
}

impl<DB: Database> Drop for Pool<DB> {
    fn begin(&mut self) {}
}

impl PoolOptions {
    pub fn connect(self) {}
}
";
    let found = methods(source, Block::Inherent("Pool"));
    assert_eq!(found.iter().collect::<Vec<_>>(), ["max_connections", "try_begin_with"]);
    assert_eq!(methods(source, Block::TraitImpl("Drop", "Pool")).len(), 1);
}

/// Keys of the `[features]` table.
fn features(manifest: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let table = text.split("\n[features]\n").nth(1).unwrap();
    let table = table.split("\n[").next().unwrap();
    table
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn the_features_are_those_of_sqlx() {
    let theirs = features(&package_folder("sqlx").join("Cargo.toml"));
    let ours = features(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    assert!(theirs.len() > 40, "the manifest was not understood");
    let missing: Vec<_> =
        theirs.keys().filter(|key| !key.starts_with('_') && !ours.contains_key(*key)).collect();
    assert!(missing.is_empty(), "features of sqlx that cannot be chosen here: {missing:?}");
    for key in ours.keys().filter(|key| !["_sqlite", "fallback"].contains(&key.as_str())) {
        assert!(theirs.contains_key(key), "{key} is no feature of sqlx");
    }
}
