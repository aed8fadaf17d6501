//! The text of every compile error, as the author of the mistake sees it.
//!
//! The goldens hold rustc's rendering too, which changes between its versions: they are compared
//! on the pinned one only. To accept new texts: `TRYBUILD=overwrite cargo test -p scouter-macros`.

use std::process::Command;

/// The rustc whose rendering the goldens hold.
const PINNED: &str = "rustc 1.95.";

#[test]
fn every_mistake_has_its_message_at_its_place() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc built this test");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    if !version.starts_with(PINNED) {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "the goldens are those of {PINNED}x, found {version}; pin the toolchain of the CI"
        );
        eprintln!("skipped 1 test: the goldens are those of {PINNED}x, found {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/err/*.rs");
}
