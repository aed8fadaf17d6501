/work/wt/macros/benches/off/target/release/deps/scopeguard-0a790c4ee99d504a.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/scopeguard-1.2.0/src/lib.rs

/work/wt/macros/benches/off/target/release/deps/libscopeguard-0a790c4ee99d504a.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/scopeguard-1.2.0/src/lib.rs

/work/wt/macros/benches/off/target/release/deps/libscopeguard-0a790c4ee99d504a.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/scopeguard-1.2.0/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/scopeguard-1.2.0/src/lib.rs:
