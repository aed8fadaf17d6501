/work/wt/macros/benches/off/target/release/deps/linkme-96dd9605dfef6ef4.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/distributed_slice.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/private.rs /work/wt/macros/benches/off/target/release/build/linkme-68efefd4fd522be8/out/private.rs

/work/wt/macros/benches/off/target/release/deps/liblinkme-96dd9605dfef6ef4.rlib: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/distributed_slice.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/private.rs /work/wt/macros/benches/off/target/release/build/linkme-68efefd4fd522be8/out/private.rs

/work/wt/macros/benches/off/target/release/deps/liblinkme-96dd9605dfef6ef4.rmeta: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/distributed_slice.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/private.rs /work/wt/macros/benches/off/target/release/build/linkme-68efefd4fd522be8/out/private.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/lib.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/distributed_slice.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-0.3.37/src/private.rs:
/work/wt/macros/benches/off/target/release/build/linkme-68efefd4fd522be8/out/private.rs:

# env-dep:OUT_DIR=/work/wt/macros/benches/off/target/release/build/linkme-68efefd4fd522be8/out
