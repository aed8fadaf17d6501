/work/wt/macros/benches/off/target/release/deps/linkme_impl-d0e823fab0f3eb01.d: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/args.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/attr.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/declaration.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/element.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/hash.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/linker.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/ty.rs

/work/wt/macros/benches/off/target/release/deps/liblinkme_impl-d0e823fab0f3eb01.so: /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/lib.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/args.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/attr.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/declaration.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/element.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/hash.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/linker.rs /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/ty.rs

/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/lib.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/args.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/attr.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/declaration.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/element.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/hash.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/linker.rs:
/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/linkme-impl-0.3.37/src/ty.rs:

# env-dep:CARGO_PKG_VERSION_PATCH=37
