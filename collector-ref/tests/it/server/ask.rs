//! `scouter-collector ask`, the program, of an agent through a running collector.

use std::process::Command;

use scouter_wire::codec::{CommandKind, HeapEntry, HeapProfile, put_heap};

use super::collector::{TestCollector, start};
use super::control::answering;

/// What the program prints, or the sentence it fails with.
async fn ask(collector: &TestCollector, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scouter-collector"));
    command.env_remove("SCOUTER_COLLECTOR_TOKEN").arg("ask").arg("/test/orders").args(words);
    command.arg("--url").arg(collector.url(""));
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heap_is_printed_as_a_table_or_folded_and_why_there_is_none() {
    let collector = start().await;
    let agent = collector.agent("/test/orders");
    let site = |name: &str, service: &str, live_bytes| HeapEntry {
        name: name.into(),
        place: "src/orders.rs:12".into(),
        service: service.into(),
        tenant: "acme".into(),
        allocated_bytes: 3 << 30,
        allocated_blocks: 9,
        live_bytes,
        live_blocks: 2,
        ..HeapEntry::default()
    };
    let sites = vec![site("load;order", "GET /orders", 1_572_864), site("", "", 0)];
    let profile = HeapProfile { total: 2, sites, left_out: 4, ..HeapProfile::default() };
    let told = profile.clone();
    let agent = answering(agent, CommandKind::Heap, false, move |_, out| put_heap(out, &told));
    let text = ask(&collector, &["heap"]).await.unwrap();
    assert!(text.contains("about 1.5 MiB live of 6.0 GiB allocated"), "{text}");
    assert!(text.contains("4 samples found no place"), "{text}");
    let row =
        "1.5 MiB          2      3.0 GiB          9  load;order src/orders.rs:12 of GET /orders";
    assert!(text.contains(row), "{text}");
    let told = profile.clone();
    let agent = agent.join().unwrap();
    let agent = answering(agent, CommandKind::Heap, false, move |_, out| put_heap(out, &told));
    let folded = ask(&collector, &["heap-folded"]).await.unwrap();
    assert_eq!(folded.trim_end(), "GET /orders;load,order @ src/orders.rs:12 1572864");
    let agent = answering(agent.join().unwrap(), CommandKind::Heap, false, |_, out| {
        put_heap(
            out,
            &HeapProfile { unavailable: "no allocator".into(), ..HeapProfile::default() },
        );
    });
    assert_eq!(ask(&collector, &["heap"]).await.unwrap().trim_end(), "no samples: no allocator");
    drop(agent.join().unwrap());
    let nobody = ask(&collector, &["heap", "--instance", "1"]).await.unwrap_err();
    assert!(nobody.contains("not connected"), "{nobody}");
}
