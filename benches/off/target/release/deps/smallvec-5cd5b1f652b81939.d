/work/wt/macros/benches/off/target/release/deps/smallvec-5cd5b1f652b81939.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs

/work/wt/macros/benches/off/target/release/deps/libsmallvec-5cd5b1f652b81939.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs

/work/wt/macros/benches/off/target/release/deps/libsmallvec-5cd5b1f652b81939.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/smallvec-1.16.5/src/lib.rs:
