//! The shape of the house: who may import whom, and how much an application takes on.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Normal dependencies each crate of the agent may have. A published package that stands neither
/// here nor in [`COLLECTOR`] fails too.
const ARROWS: &[(&str, &[&str])] = &[
    ("scouter-wire", &["crc32c", "zstd"]),
    (
        "scouter-core",
        &[
            "scouter-wire",
            "addr2line",
            "framehop",
            "libc",
            "linkme",
            "object",
            "parking_lot",
            "pin-project-lite",
            "tokio",
            "tracing",
        ],
    ),
    ("scouter-macros", &["proc-macro2", "quote", "syn"]),
    (
        "scouter-tower",
        &[
            "scouter-core",
            "axum",
            "bytes",
            "http",
            "http-body",
            "hyper",
            "hyper-util",
            "pin-project-lite",
            "reqwest",
            "tonic",
            "tower-layer",
            "tower-service",
        ],
    ),
    (
        "scouter-sqlx",
        &[
            "scouter-core",
            "futures-core",
            "log",
            "pin-project-lite",
            "sqlx",
            "sqlx-core",
            "sqlx-mysql",
            "sqlx-postgres",
            "sqlx-sqlite",
            "tracing",
            "tracing-subscriber",
        ],
    ),
    ("scouter-tracing", &["scouter-core", "tracing", "tracing-subscriber"]),
    (
        "scouter-exporter",
        &["scouter-core", "scouter-wire", "libc", "rustls", "rustls-native-certs"],
    ),
    (
        "scouter",
        &[
            "scouter-core",
            "scouter-macros",
            "scouter-tower",
            "scouter-sqlx",
            "scouter-tracing",
            "scouter-exporter",
            "axum",
        ],
    ),
];

/// The collector may take what it likes of the field, and of ours these.
const COLLECTOR: (&str, &[&str]) = (
    "scouter-collector",
    &[
        "scouter-core",
        "scouter-exporter",
        "scouter-macros",
        "scouter-sqlx",
        "scouter-tower",
        "scouter-wire",
    ],
);

/// Crates the agent may add to an application with axum and sqlx, our own included.
const MAX_AGENT_CRATES: usize = 12;

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

/// The packages of the workspace as cargo describes them.
fn packages() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps", "--locked"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo metadata is JSON");
    metadata["packages"].as_array().cloned().unwrap_or_default()
}

/// Package name -> names of its normal dependencies, for every package of the workspace.
fn normal_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    packages()
        .iter()
        .map(|package| {
            let normal = array(&package["dependencies"])
                .iter()
                // loom stands behind its own cfg: no application ever builds it.
                .filter(|dependency| dependency["kind"].is_null())
                .filter(|dependency| dependency["target"] != "cfg(loom)")
                .map(|dependency| text(&dependency["name"]))
                .collect();
            (text(&package["name"]), normal)
        })
        .collect()
}

#[test]
fn each_crate_imports_only_what_the_house_allows() {
    let found = normal_dependencies();
    for (name, allowed) in ARROWS {
        let allowed: BTreeSet<_> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let has = &found[*name];
        let beyond: Vec<_> = has.difference(&allowed).collect();
        assert!(
            beyond.is_empty(),
            "{name} must not depend on {beyond:?}: see docs/ARCHITECTURE.md"
        );
    }
}

#[test]
fn every_published_package_has_its_arrows() {
    for package in packages() {
        let name = package["name"].as_str().unwrap_or_default();
        // `publish = false` reads as an empty list of registries.
        let is_published = package["publish"].is_null();
        let is_listed = name == COLLECTOR.0 || ARROWS.iter().any(|(listed, _)| *listed == name);
        assert!(is_listed || !is_published, "{name} may import anything: give it its arrows here");
    }
}

#[test]
fn the_collector_imports_of_ours_only_what_the_house_allows() {
    let found = normal_dependencies();
    let ours = found[COLLECTOR.0].iter().filter(|name| name.starts_with("scouter"));
    let beyond: Vec<_> = ours.filter(|name| !COLLECTOR.1.contains(&name.as_str())).collect();
    assert!(beyond.is_empty(), "{beyond:?}");
}

#[test]
fn nothing_but_examples_tests_and_benches_depends_on_the_collector() {
    for (name, dependencies) in normal_dependencies() {
        let may = ["scouter-examples", "scouter-tests", "scouter-bench"].contains(&name.as_str());
        assert!(may || !dependencies.contains("scouter-collector"), "{name} imports the collector");
    }
}

#[test]
fn the_collector_never_depends_on_the_facade() {
    assert!(!normal_dependencies()["scouter-collector"].contains("scouter"));
}

/// Every crate that ends up in the process of the application `package`.
fn crates_of(package: &str) -> BTreeSet<String> {
    let tree = cargo(&[
        "tree",
        "-p",
        package,
        "-e",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--locked",
    ]);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_agent_adds_few_crates_to_an_application_with_axum_and_sqlx() {
    let plain = crates_of("app-plain");
    let watched = crates_of("app-scouter");
    let added: Vec<_> = watched.difference(&plain).filter(|name| *name != "app-scouter").collect();
    println!("agent_crates_added {} {added:?}", added.len());
    assert!(added.len() <= MAX_AGENT_CRATES, "{} crates: {added:?}", added.len());
}
