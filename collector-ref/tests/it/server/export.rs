//! Exports: every row once, in both forms, whoever reads how slowly.

use std::collections::BTreeSet;

use arrow_array::{Array as _, StringArray, UInt64Array};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::agent::{Tx, tx, txs};
use super::collector::{ALL, TestCollector, start};

async fn exported(collector: &TestCollector, query: &str) -> (String, String) {
    let url = collector.url(&format!("/api/v1/export?{ALL}{query}"));
    let response = collector.client.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    (content_type, response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_every_row_of_the_list_once() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let mut rows = txs(1, 600);
    rows[..200].iter_mut().for_each(|row| row.tenant = "globex");
    agent.send(&rows);
    let listed = collector.json(&format!("/api/v1/xlogs?{ALL}&limit=1000")).await;
    let listed: BTreeSet<String> =
        listed["rows"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(listed.len(), 600);
    let (content_type, text) = exported(&collector, "").await;
    assert_eq!(content_type, "application/x-ndjson");
    let read = |line: &str| serde_json::from_str::<Value>(line).unwrap().to_string();
    assert_eq!(text.lines().count(), 600);
    assert_eq!(text.lines().map(read).collect::<BTreeSet<_>>(), listed);
    let (_, some) = exported(&collector, "&f=tenant:globex").await;
    assert_eq!(some.lines().count(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_csv_are_quoted_where_they_must_be() {
    let collector = start().await;
    let row = Tx { error: "no \"route\", sorry\nreally", ..tx(7) };
    collector.agent("/test/orders").send(&[row]);
    let (content_type, text) = exported(&collector, "&format=csv").await;
    assert_eq!(content_type, "text/csv; charset=utf-8");
    let (header, line) = text.split_once("\r\n").unwrap();
    assert_eq!(header.split(',').count(), 22);
    assert!(header.starts_with("txid,gxid,caller,object,service,"), "{header}");
    assert!(line.starts_with("0000000000000007,"), "{line}");
    assert!(line.contains(",\"no \"\"route\"\", sorry\nreally\","), "{line}");
    assert!(line.ends_with("\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_file_has_the_columns_of_the_csv_and_every_row_once() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    for batch in 0..20 {
        agent.send(&txs(1 + batch * 500, 500));
    }
    let url = collector.url(&format!("/api/v1/export?{ALL}&format=parquet"));
    let response = collector.client.get(url).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/vnd.apache.parquet");
    let file = response.bytes().await.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<_> = reader.collect::<Result<_, _>>().unwrap();
    let (_, csv) = exported(&collector, "&format=csv").await;
    let header: Vec<_> = csv.lines().next().unwrap().split(',').collect();
    let names: Vec<_> =
        batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, header);
    let mut rows = BTreeSet::new();
    for batch in &batches {
        let of = |name: &str| batch.column_by_name(name).unwrap();
        let txids = of("txid").as_any().downcast_ref::<StringArray>().unwrap();
        let elapsed = of("elapsed_us").as_any().downcast_ref::<UInt64Array>().unwrap();
        for row in 0..batch.num_rows() {
            rows.insert((txids.value(row).to_owned(), elapsed.value(row)));
        }
    }
    let of_csv = csv.lines().skip(1).map(|line| {
        let fields: Vec<_> = line.split(',').collect();
        (fields[0].to_owned(), fields[8].parse().unwrap())
    });
    assert_eq!(rows.len(), 10_000);
    assert_eq!(rows, of_csv.collect());
    let (_, none) = collector.get(&format!("/api/v1/export?{ALL}&format=xlsx")).await;
    assert_eq!(none["error"]["code"], "bad_parameter");
    let url = collector.url(&format!("/api/v1/export?{ALL}&format=parquet&f=tenant:nobody"));
    let file = collector.client.get(url).send().await.unwrap().bytes().await.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    assert_eq!(reader.count(), 0, "a file without rows is a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_export_too_many_is_refused_until_another_ends() {
    let collector = start().await;
    let mut agent = collector.agent("/test/orders");
    let long = "x".repeat(250).leak();
    for batch in 0..60 {
        let rows: Vec<Tx> =
            (0..500).map(|id| Tx { error: &*long, ..tx(1 + batch * 500 + id) }).collect();
        agent.send(&rows);
    }
    let url = collector.url(&format!("/api/v1/export?{ALL}"));
    // Nobody reads these: more than sockets hold, so each keeps its thread.
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(collector.client.get(&url).send().await.unwrap());
    }
    let (status, answer) = collector.get(&format!("/api/v1/export?{ALL}")).await;
    assert_eq!((status, &answer["error"]["code"]), (503, &"too_many_exports".into()));
    drop(unread.pop());
    super::collector::until("an export has ended", async || {
        collector.client.get(&url).send().await.unwrap().status() == 200
    })
    .await;
}
