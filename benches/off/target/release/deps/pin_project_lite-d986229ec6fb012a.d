/work/wt/macros/benches/off/target/release/deps/pin_project_lite-d986229ec6fb012a.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pin-project-lite-0.2.17/src/lib.rs

/work/wt/macros/benches/off/target/release/deps/libpin_project_lite-d986229ec6fb012a.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pin-project-lite-0.2.17/src/lib.rs

/work/wt/macros/benches/off/target/release/deps/libpin_project_lite-d986229ec6fb012a.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pin-project-lite-0.2.17/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/pin-project-lite-0.2.17/src/lib.rs:
