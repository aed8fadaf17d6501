//! People who log in with a password, and agents with tokens of their own group.

use scouter_collector::{Accounts, AgentGroup, Role, Tokens, hash_password};
use serde_json::{Value, json};

use super::agent::{Agent, hello};
use super::collector::{TestCollector, start_with};

const PASSWORD: &str = "correct horse";

async fn start() -> TestCollector {
    let hash = hash_password(PASSWORD).unwrap();
    start_with(|builder| {
        builder.accounts(Accounts::default().with("ada", Role::Operator, hash.clone()).with(
            "vic",
            Role::Viewer,
            hash,
        ))
    })
    .await
}

async fn log_in(collector: &TestCollector, name: &str, password: &str) -> reqwest::Response {
    let login = json!({ "name": name, "password": password });
    collector.client.post(collector.url("/api/v1/session")).json(&login).send().await.unwrap()
}

fn cookie(login: &reqwest::Response) -> String {
    let cookie = login.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_opens_the_page_with_its_role_and_its_name() {
    let collector = start().await;
    assert_eq!(collector.get("/api/v1/objects").await.0, 401);
    let login = log_in(&collector, "ada", PASSWORD).await;
    assert_eq!(login.status(), 200);
    let cookie = cookie(&login);
    let who: Value = login.json().await.unwrap();
    assert_eq!(who, json!({ "role": "operator", "account": "ada", "auth_required": true }));
    let ask = collector.client.get(collector.url("/api/v1/objects")).header("cookie", &cookie);
    assert_eq!(ask.send().await.unwrap().status(), 200);
    let ask = collector.client.get(collector.url("/api/v1/session")).header("cookie", &cookie);
    assert_eq!(ask.send().await.unwrap().json::<Value>().await.unwrap()["account"], "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_does_is_written_down_under_its_name() {
    let collector = start().await;
    let cookie = cookie(&log_in(&collector, "ada", PASSWORD).await);
    let change = json!({ "name": "xlog_slow_time_ms", "value": "5" });
    let post = collector.client.post(collector.url("/api/v1/options/nobody")).json(&change);
    assert_eq!(post.header("cookie", cookie).send().await.unwrap().status(), 404);
    let audit = std::fs::read_to_string(collector.folder.path().join("data/audit.jsonl")).unwrap();
    let line: Value = serde_json::from_str(audit.lines().next().unwrap()).unwrap();
    assert_eq!((&line["account"], &line["role"]), (&json!("ada"), &json!("operator")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_changes_nothing() {
    let collector = start().await;
    let cookie = cookie(&log_in(&collector, "vic", PASSWORD).await);
    let change = json!({ "name": "xlog_slow_time_ms", "value": "5" });
    let post = collector.client.post(collector.url("/api/v1/options/nobody")).json(&change);
    assert_eq!(post.header("cookie", cookie).send().await.unwrap().status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_and_unknown_names_look_the_same_and_lock_after_ten() {
    let collector = start().await;
    for attempt in 0..10 {
        let name = if attempt % 2 == 0 { "ada" } else { "nobody" };
        let login = log_in(&collector, name, "wrong horse!").await;
        assert_eq!(login.status(), 401, "{attempt}");
        assert_eq!(login.json::<Value>().await.unwrap()["error"]["code"], "unauthorised");
    }
    assert_eq!(log_in(&collector, "ada", PASSWORD).await.status(), 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_neither_token_nor_account_is_a_bad_request() {
    let collector = start().await;
    for body in
        ["{}", "[]", "", r#"{"name":"ada"}"#, r#"{"token":"x","name":"ada"}"#, "{\"token\":1}"]
    {
        let post = collector.client.post(collector.url("/api/v1/session")).body(body);
        assert_eq!(post.send().await.unwrap().status(), 400, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_no_hash_is_found_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = Accounts::default().with("ada", Role::Admin, PASSWORD);
    let started = super::collector::builder(folder.path()).accounts(accounts).start().await;
    let error = started.unwrap_err().to_string();
    assert!(error.contains("account ada") && error.contains("hash-password"), "{error}");
    assert!(!error.contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_of_one_group_cannot_send_in_the_name_of_another() {
    let collector = start_with(|builder| {
        let mut tokens = Tokens::default();
        let pay = AgentGroup::new("token-of-pay", ["/*/pay-*".to_owned()]);
        tokens.groups.insert("pay".into(), pay);
        builder.tokens(tokens)
    })
    .await;
    let address = collector.running.agent_addr();
    let connect = |name: &str, token| Agent::connect_with(address, hello(name), token);
    assert!(connect("/host/pay-1", Some("token-of-pay")).is_ok());
    let refusal = connect("/host/shop", Some("token-of-pay")).map(|_| ()).unwrap_err();
    assert!(refusal.sentence.contains("group pay"), "{}", refusal.sentence);
    assert!(connect("/host/pay-1", None).is_err());
    assert!(connect("/host/pay-1", Some("token-of-pax")).is_err());
    collector.wait_for_metric("scouter_collector_refused_token_total", 3).await;
}
