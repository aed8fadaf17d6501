//! `docs/CONFIGURATION.md` is written from the tables of options and settings.

use std::fmt::Write as _;
use std::path::Path;

use scouter_core::options::{OptionInfo, OptionKind};

fn manual() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         <!-- Written by a test from the tables in the code; see the end of this page. -->\n\n\
         ## The agent\n\n\
         Options come from the code (`Agent::builder`), from a file, and from the environment; the \
         environment\nbeats the file, the file beats the code. The file is `scouter.toml` in the \
         folder where the\napplication was started, or what `SCOUTER_CONFIG` names: flat `name = \
         value` lines of TOML, without\ntables. What cannot be used is told once with its line, and \
         an unknown name with the nearest one.\n\n\
         ```toml\n\
         collector = \"apm.example.com:6100\"\n\
         xlog_slow_time_ms = 500\n\
         profile_off = false\n\
         ```\n\n\
         The file is watched. Options that change in it take effect within seconds; settings of the \
         agent with\nthe next start. What the page sets stays until the file changes that very \
         option. Replace the file in\none step (write another, rename it): one that cannot be read \
         whole, or is gone,\nchanges nothing. What leaves the file has again what the code said; a \
         name stands once in it, and 512\nat most. A file named by `SCOUTER_CONFIG` is watched even \
         if it is not there yet.\n\n\
         ### Settings of the agent, read when it starts\n\n\
         | name | environment | default | unit | |\n|---|---|---|---|---|\n",
    );
    for setting in scouter_exporter::settings() {
        row(&mut out, [setting.name, setting.env, setting.default, setting.unit, setting.help]);
    }
    out += "\n### Options of the recorder, live\n\n\
            | name | environment | default | takes | |\n|---|---|---|---|---|\n";
    for option in scouter_core::options::all() {
        let OptionInfo { name, env, default, unit, kind, help, .. } = option;
        let takes = match kind {
            OptionKind::Number { min, max } => format!("{min} to {max} {unit}"),
            OptionKind::Bool => "true, false".to_owned(),
            _ => "text".to_owned(),
        };
        row(&mut out, [name, env, default, takes.trim_end(), help]);
    }
    out += "\n## The collector\n\n\
            A file named by `--config`, read at the start. Every key is optional; an unknown one is \
            an error that\nnames it. Options of the command line win over it.\n\n```toml\n";
    out += &example_of_the_collector();
    out += "```\n\n\
            `scouter-collector --help` lists the options of its command line.\n\n\
            ---\n\n\
            After a change of an option: `SCOUTER_WRITE_MANUAL=1 cargo test -p scouter-exporter \
            --test it manual`.\n";
    out
}

fn row(out: &mut String, [name, env, default, takes, help]: [&str; 5]) {
    let code = |text: &str| match text {
        "" => String::new(),
        text => format!("`{}`", text.replace('|', "\\|")),
    };
    let (name, env, default) = (code(name), code(env), code(default));
    writeln!(out, "| {name} | {env} | {default} | {takes} | {} |", help.replace('|', "\\|"))
        .unwrap();
}

/// The example in the documentation of the collector's configuration, which a test there reads.
fn example_of_the_collector() -> String {
    include_str!("../../../collector-ref/src/config.rs")
        .lines()
        .skip_while(|line| *line != "//! ```toml")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| format!("{}\n", line.trim_start_matches("//!").trim_start()))
        .collect()
}

#[test]
fn the_manual_of_all_options_is_that_of_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIGURATION.md");
    let manual = manual();
    if std::env::var_os("SCOUTER_WRITE_MANUAL").is_some() {
        std::fs::write(&path, &manual).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == manual,
        "docs/CONFIGURATION.md is not what the tables say: run \
         SCOUTER_WRITE_MANUAL=1 cargo test -p scouter-exporter --test it manual"
    );
}
