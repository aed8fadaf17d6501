//! The page: its files, its headers, its addresses.

use super::collector::{TestCollector, start};

#[tokio::test(flavor = "multi_thread")]
async fn every_address_of_the_page_serves_the_shell_with_a_strict_policy() {
    let collector = start().await;
    for path in ["/", "/xlog?range=5m", "/tx/1-2", "/active", "/objects", "/trace/1"] {
        let answer = collector.client.get(collector.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(policy.contains("trusted-types scouter-worker"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let html = answer.text().await.unwrap();
        assert!(html.contains("<div id=\"app\">"), "{html}");
        assert!(!html.contains("http://") && !html.contains("https://"), "no external request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_compressed_and_revalidated_by_tag() {
    let collector = start().await;
    for path in ["/assets/src/main.js", "/assets/pack/first.js"] {
        is_compressed_and_revalidated(&collector, path).await;
    }
    for path in ["/assets/test/golden/quantiser.json", "/assets/../Cargo.toml", "/assets/"] {
        assert_eq!(collector.get(path).await.0, 404, "{path}");
    }
}

async fn is_compressed_and_revalidated(collector: &TestCollector, path: &str) {
    let url = collector.url(path);
    let plain = collector.client.get(&url).send().await.unwrap();
    assert_eq!(plain.headers()["content-type"], "text/javascript; charset=utf-8");
    let tag = plain.headers()["etag"].to_str().unwrap().to_owned();
    let plain = plain.bytes().await.unwrap();
    let small = collector.client.get(&url).header("accept-encoding", "br, gzip");
    let small = small.send().await.unwrap();
    assert_eq!(small.headers()["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    let packed = small.bytes().await.unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain);
    let known = collector.client.get(&url).header("if-none-match", tag).send().await.unwrap();
    assert_eq!(known.status(), 304);
}
