/work/wt/macros/benches/off/target/release/deps/scouter_bench_off-bfadcf67b3509c50.d: src/main.rs

/work/wt/macros/benches/off/target/release/deps/scouter_bench_off-bfadcf67b3509c50: src/main.rs

src/main.rs:
