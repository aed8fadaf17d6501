/work/wt/macros/benches/off/target/release/deps/scouter_wire-e34c5e4d76e2ca6d.d: /work/wt/macros/scouter-wire/src/lib.rs /work/wt/macros/scouter-wire/src/id.rs /work/wt/macros/scouter-wire/src/record.rs /work/wt/macros/scouter-wire/src/record/active.rs /work/wt/macros/scouter-wire/src/record/alert.rs /work/wt/macros/scouter-wire/src/record/counter.rs /work/wt/macros/scouter-wire/src/record/digest.rs /work/wt/macros/scouter-wire/src/record/object.rs /work/wt/macros/scouter-wire/src/record/step.rs /work/wt/macros/scouter-wire/src/record/xlog.rs /work/wt/macros/scouter-wire/src/text.rs

/work/wt/macros/benches/off/target/release/deps/libscouter_wire-e34c5e4d76e2ca6d.rlib: /work/wt/macros/scouter-wire/src/lib.rs /work/wt/macros/scouter-wire/src/id.rs /work/wt/macros/scouter-wire/src/record.rs /work/wt/macros/scouter-wire/src/record/active.rs /work/wt/macros/scouter-wire/src/record/alert.rs /work/wt/macros/scouter-wire/src/record/counter.rs /work/wt/macros/scouter-wire/src/record/digest.rs /work/wt/macros/scouter-wire/src/record/object.rs /work/wt/macros/scouter-wire/src/record/step.rs /work/wt/macros/scouter-wire/src/record/xlog.rs /work/wt/macros/scouter-wire/src/text.rs

/work/wt/macros/benches/off/target/release/deps/libscouter_wire-e34c5e4d76e2ca6d.rmeta: /work/wt/macros/scouter-wire/src/lib.rs /work/wt/macros/scouter-wire/src/id.rs /work/wt/macros/scouter-wire/src/record.rs /work/wt/macros/scouter-wire/src/record/active.rs /work/wt/macros/scouter-wire/src/record/alert.rs /work/wt/macros/scouter-wire/src/record/counter.rs /work/wt/macros/scouter-wire/src/record/digest.rs /work/wt/macros/scouter-wire/src/record/object.rs /work/wt/macros/scouter-wire/src/record/step.rs /work/wt/macros/scouter-wire/src/record/xlog.rs /work/wt/macros/scouter-wire/src/text.rs

/work/wt/macros/scouter-wire/src/lib.rs:
/work/wt/macros/scouter-wire/src/id.rs:
/work/wt/macros/scouter-wire/src/record.rs:
/work/wt/macros/scouter-wire/src/record/active.rs:
/work/wt/macros/scouter-wire/src/record/alert.rs:
/work/wt/macros/scouter-wire/src/record/counter.rs:
/work/wt/macros/scouter-wire/src/record/digest.rs:
/work/wt/macros/scouter-wire/src/record/object.rs:
/work/wt/macros/scouter-wire/src/record/step.rs:
/work/wt/macros/scouter-wire/src/record/xlog.rs:
/work/wt/macros/scouter-wire/src/text.rs:
