/work/wt/macros/benches/off/target/release/deps/scouter_core-4129871bf93d04f9.d: /work/wt/macros/scouter-core/src/lib.rs /work/wt/macros/scouter-core/src/bounded.rs /work/wt/macros/scouter-core/src/callsite.rs /work/wt/macros/scouter-core/src/finish.rs /work/wt/macros/scouter-core/src/header.rs /work/wt/macros/scouter-core/src/in_step.rs /work/wt/macros/scouter-core/src/in_transaction.rs /work/wt/macros/scouter-core/src/lane.rs /work/wt/macros/scouter-core/src/open_step.rs /work/wt/macros/scouter-core/src/pool.rs /work/wt/macros/scouter-core/src/private.rs /work/wt/macros/scouter-core/src/queue.rs /work/wt/macros/scouter-core/src/records.rs /work/wt/macros/scouter-core/src/spawn.rs /work/wt/macros/scouter-core/src/step.rs /work/wt/macros/scouter-core/src/switch.rs /work/wt/macros/scouter-core/src/sync.rs /work/wt/macros/scouter-core/src/sys.rs /work/wt/macros/scouter-core/src/text.rs /work/wt/macros/scouter-core/src/texts.rs /work/wt/macros/scouter-core/src/transaction.rs /work/wt/macros/scouter-core/src/alert.rs /work/wt/macros/scouter-core/src/checkout.rs /work/wt/macros/scouter-core/src/clock.rs /work/wt/macros/scouter-core/src/current.rs /work/wt/macros/scouter-core/src/drain.rs /work/wt/macros/scouter-core/src/drain/profile.rs /work/wt/macros/scouter-core/src/drain/row.rs /work/wt/macros/scouter-core/src/live.rs /work/wt/macros/scouter-core/src/options.rs /work/wt/macros/scouter-core/src/options/table.rs /work/wt/macros/scouter-core/src/options/typed.rs /work/wt/macros/scouter-core/src/plugin.rs /work/wt/macros/scouter-core/src/propagation.rs /work/wt/macros/scouter-core/src/propagation/b3.rs /work/wt/macros/scouter-core/src/propagation/w3c.rs /work/wt/macros/scouter-core/src/propagation/x_scouter.rs /work/wt/macros/scouter-core/src/telemetry.rs

/work/wt/macros/benches/off/target/release/deps/libscouter_core-4129871bf93d04f9.rlib: /work/wt/macros/scouter-core/src/lib.rs /work/wt/macros/scouter-core/src/bounded.rs /work/wt/macros/scouter-core/src/callsite.rs /work/wt/macros/scouter-core/src/finish.rs /work/wt/macros/scouter-core/src/header.rs /work/wt/macros/scouter-core/src/in_step.rs /work/wt/macros/scouter-core/src/in_transaction.rs /work/wt/macros/scouter-core/src/lane.rs /work/wt/macros/scouter-core/src/open_step.rs /work/wt/macros/scouter-core/src/pool.rs /work/wt/macros/scouter-core/src/private.rs /work/wt/macros/scouter-core/src/queue.rs /work/wt/macros/scouter-core/src/records.rs /work/wt/macros/scouter-core/src/spawn.rs /work/wt/macros/scouter-core/src/step.rs /work/wt/macros/scouter-core/src/switch.rs /work/wt/macros/scouter-core/src/sync.rs /work/wt/macros/scouter-core/src/sys.rs /work/wt/macros/scouter-core/src/text.rs /work/wt/macros/scouter-core/src/texts.rs /work/wt/macros/scouter-core/src/transaction.rs /work/wt/macros/scouter-core/src/alert.rs /work/wt/macros/scouter-core/src/checkout.rs /work/wt/macros/scouter-core/src/clock.rs /work/wt/macros/scouter-core/src/current.rs /work/wt/macros/scouter-core/src/drain.rs /work/wt/macros/scouter-core/src/drain/profile.rs /work/wt/macros/scouter-core/src/drain/row.rs /work/wt/macros/scouter-core/src/live.rs /work/wt/macros/scouter-core/src/options.rs /work/wt/macros/scouter-core/src/options/table.rs /work/wt/macros/scouter-core/src/options/typed.rs /work/wt/macros/scouter-core/src/plugin.rs /work/wt/macros/scouter-core/src/propagation.rs /work/wt/macros/scouter-core/src/propagation/b3.rs /work/wt/macros/scouter-core/src/propagation/w3c.rs /work/wt/macros/scouter-core/src/propagation/x_scouter.rs /work/wt/macros/scouter-core/src/telemetry.rs

/work/wt/macros/benches/off/target/release/deps/libscouter_core-4129871bf93d04f9.rmeta: /work/wt/macros/scouter-core/src/lib.rs /work/wt/macros/scouter-core/src/bounded.rs /work/wt/macros/scouter-core/src/callsite.rs /work/wt/macros/scouter-core/src/finish.rs /work/wt/macros/scouter-core/src/header.rs /work/wt/macros/scouter-core/src/in_step.rs /work/wt/macros/scouter-core/src/in_transaction.rs /work/wt/macros/scouter-core/src/lane.rs /work/wt/macros/scouter-core/src/open_step.rs /work/wt/macros/scouter-core/src/pool.rs /work/wt/macros/scouter-core/src/private.rs /work/wt/macros/scouter-core/src/queue.rs /work/wt/macros/scouter-core/src/records.rs /work/wt/macros/scouter-core/src/spawn.rs /work/wt/macros/scouter-core/src/step.rs /work/wt/macros/scouter-core/src/switch.rs /work/wt/macros/scouter-core/src/sync.rs /work/wt/macros/scouter-core/src/sys.rs /work/wt/macros/scouter-core/src/text.rs /work/wt/macros/scouter-core/src/texts.rs /work/wt/macros/scouter-core/src/transaction.rs /work/wt/macros/scouter-core/src/alert.rs /work/wt/macros/scouter-core/src/checkout.rs /work/wt/macros/scouter-core/src/clock.rs /work/wt/macros/scouter-core/src/current.rs /work/wt/macros/scouter-core/src/drain.rs /work/wt/macros/scouter-core/src/drain/profile.rs /work/wt/macros/scouter-core/src/drain/row.rs /work/wt/macros/scouter-core/src/live.rs /work/wt/macros/scouter-core/src/options.rs /work/wt/macros/scouter-core/src/options/table.rs /work/wt/macros/scouter-core/src/options/typed.rs /work/wt/macros/scouter-core/src/plugin.rs /work/wt/macros/scouter-core/src/propagation.rs /work/wt/macros/scouter-core/src/propagation/b3.rs /work/wt/macros/scouter-core/src/propagation/w3c.rs /work/wt/macros/scouter-core/src/propagation/x_scouter.rs /work/wt/macros/scouter-core/src/telemetry.rs

/work/wt/macros/scouter-core/src/lib.rs:
/work/wt/macros/scouter-core/src/bounded.rs:
/work/wt/macros/scouter-core/src/callsite.rs:
/work/wt/macros/scouter-core/src/finish.rs:
/work/wt/macros/scouter-core/src/header.rs:
/work/wt/macros/scouter-core/src/in_step.rs:
/work/wt/macros/scouter-core/src/in_transaction.rs:
/work/wt/macros/scouter-core/src/lane.rs:
/work/wt/macros/scouter-core/src/open_step.rs:
/work/wt/macros/scouter-core/src/pool.rs:
/work/wt/macros/scouter-core/src/private.rs:
/work/wt/macros/scouter-core/src/queue.rs:
/work/wt/macros/scouter-core/src/records.rs:
/work/wt/macros/scouter-core/src/spawn.rs:
/work/wt/macros/scouter-core/src/step.rs:
/work/wt/macros/scouter-core/src/switch.rs:
/work/wt/macros/scouter-core/src/sync.rs:
/work/wt/macros/scouter-core/src/sys.rs:
/work/wt/macros/scouter-core/src/text.rs:
/work/wt/macros/scouter-core/src/texts.rs:
/work/wt/macros/scouter-core/src/transaction.rs:
/work/wt/macros/scouter-core/src/alert.rs:
/work/wt/macros/scouter-core/src/checkout.rs:
/work/wt/macros/scouter-core/src/clock.rs:
/work/wt/macros/scouter-core/src/current.rs:
/work/wt/macros/scouter-core/src/drain.rs:
/work/wt/macros/scouter-core/src/drain/profile.rs:
/work/wt/macros/scouter-core/src/drain/row.rs:
/work/wt/macros/scouter-core/src/live.rs:
/work/wt/macros/scouter-core/src/options.rs:
/work/wt/macros/scouter-core/src/options/table.rs:
/work/wt/macros/scouter-core/src/options/typed.rs:
/work/wt/macros/scouter-core/src/plugin.rs:
/work/wt/macros/scouter-core/src/propagation.rs:
/work/wt/macros/scouter-core/src/propagation/b3.rs:
/work/wt/macros/scouter-core/src/propagation/w3c.rs:
/work/wt/macros/scouter-core/src/propagation/x_scouter.rs:
/work/wt/macros/scouter-core/src/telemetry.rs:
