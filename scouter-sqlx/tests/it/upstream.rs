//! What sqlx offers, compared with what was looked at when this facade was written.
//!
//! A method that sqlx adds to `Pool` or `Transaction` reaches users through the dereference, not
//! recorded. So the list of its public methods is checked in, with how each is dealt with, and a
//! new one fails this test until somebody has decided.

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

/// `Type::method` of every public method in the file.
fn methods(path: &Path, types: &[&str]) -> BTreeSet<String> {
    let source = std::fs::read_to_string(path).unwrap();
    let mut owner = None;
    let mut found = BTreeSet::new();
    for line in source.lines() {
        if line.starts_with("impl") || line.starts_with("pub trait") {
            let is_trait = line.starts_with("pub trait");
            let is_trait_impl = line.contains(" for ");
            owner = types.iter().find(|name| {
                let subject = if is_trait { line.trim_start_matches("pub trait ") } else { line };
                let starts = subject.find(*name).is_some_and(|at| {
                    let rest = &subject[at + name.len()..];
                    let before = subject[..at].chars().next_back().unwrap_or(' ');
                    !before.is_alphanumeric()
                        && !rest.starts_with(|letter: char| letter.is_alphanumeric())
                });
                starts && !is_trait_impl
            });
        }
        let Some(owner) = owner else { continue };
        let declaration = line.strip_prefix("    pub ").or_else(|| {
            // Methods of a trait are public without saying so.
            line.strip_prefix("    ").filter(|rest| rest.starts_with("fn ") && is_trait_name(owner))
        });
        let Some(name) = declaration
            .map(|rest| rest.trim_start_matches("async ").trim_start_matches("const "))
            .and_then(|rest| rest.strip_prefix("fn "))
        else {
            continue;
        };
        let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        found.insert(format!("{owner}::{name}"));
    }
    found
}

fn is_trait_name(name: &str) -> bool {
    ["Connection", "Acquire"].contains(&name)
}

#[test]
fn every_public_method_of_sqlx_has_been_decided_on() {
    let core = package_folder("sqlx-core").join("src");
    let mut found = methods(&core.join("pool/mod.rs"), &["Pool"]);
    found.extend(methods(&core.join("pool/connection.rs"), &["PoolConnection"]));
    found.extend(methods(&core.join("pool/options.rs"), &["PoolOptions"]));
    found.extend(methods(&core.join("transaction.rs"), &["Transaction"]));
    found.extend(methods(&core.join("connection.rs"), &["Connection"]));
    found.extend(methods(&core.join("acquire.rs"), &["Acquire"]));
    let listed: BTreeSet<String> = LIST
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert!(found.len() > 50, "the sources were not understood: {found:?}");
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(new.is_empty(), "new in sqlx, shadow them or list them as passed through: {new:#?}");
    assert!(gone.is_empty(), "no longer in sqlx, take them off the list: {gone:#?}");
}

#[test]
fn every_line_of_the_list_says_how_the_method_is_dealt_with() {
    let source = [
        "recorded_pool.rs",
        "connection.rs",
        "options.rs",
        "transaction.rs",
        "connect.rs",
        "acquire.rs",
    ]
    .map(|file| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file))
            .unwrap()
    })
    .concat();
    for line in LIST.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (method, dealt) = line.split_once(' ').unwrap();
        let name = method.split_once("::").unwrap().1;
        let is_ours = source.contains(&format!("fn {name}"))
            || source.contains(&format!(" {name}("))
            || source.contains(&format!(" {name} ->"));
        match dealt.trim() {
            "ours" => assert!(is_ours, "{method} is listed as ours and is not there"),
            "passed" => {}
            other => panic!("{method}: unknown word {other:?}"),
        }
    }
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
