//! `docs/openapi.json` against the router and the handlers it describes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::collector::start;

const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");
const ROUTER: &str = include_str!("../../../src/api/router.rs");

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

/// Addresses and methods of the document.
fn documented() -> BTreeSet<(String, String)> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(|method| (path.clone(), method.clone()))
    });
    all.collect()
}

/// Addresses and methods of the router, as its source names them.
fn routed() -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    let of = |name: &str| {
        let line = ROUTER.split(&format!("let {name} =")).nth(1).unwrap();
        line.lines().next().unwrap()
    };
    for route in ROUTER.split(".route(\"").skip(1) {
        let (path, rest) = route.split_once('"').unwrap();
        let handlers = rest.split("\n").next().unwrap();
        let named = ["session", "demos"].into_iter();
        let handlers = named
            .filter(|name| handlers.contains(&format!("({name})")))
            .map(of)
            .next()
            .unwrap_or(handlers);
        let path = path.replace("{*", "{");
        for method in METHODS.iter().filter(|method| handlers.contains(&format!("{method}("))) {
            routes.insert((path.clone(), (*method).to_owned()));
        }
    }
    routes
}

#[test]
fn every_route_is_in_the_openapi_document_and_nothing_else() {
    let routed = routed();
    assert!(routed.len() > 20, "the router's source is understood: {routed:?}");
    assert_eq!(routed, documented());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_parameter_in_the_openapi_document_is_known_and_no_other_one() {
    let collector = start().await;
    for (path, methods) in document()["paths"].as_object().unwrap() {
        let none = Vec::new();
        let parameters = methods["get"]["parameters"].as_array().unwrap_or(&none);
        let query = parameters.iter().filter(|parameter| parameter["in"] == "query");
        let names: Vec<_> = query.map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let url = path.replace("{object}", "x").replace("{id}", "1").replace("{gxid}", "1");
        if names.is_empty() {
            continue;
        }
        let given: String = names.iter().map(|name| format!("{name}=x&")).collect();
        let (_, answer) = collector.get(&format!("{url}?{given}")).await;
        assert_ne!(answer["error"]["code"], "unknown_parameter", "{path}: {answer}");
        // The answer to an unknown one names those there are, if none is near.
        let (_, answer) = collector.get(&format!("{url}?qqqqqqqqqqqqqqqq=1")).await;
        assert_eq!(answer["error"]["code"], "unknown_parameter", "{path}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        let listed: BTreeSet<&str> = message.rsplit_once(": use ").unwrap().1.split(", ").collect();
        assert_eq!(listed, names.iter().copied().collect(), "{path}");
    }
}
