use proptest::prelude::*;

use super::*;

fn glob(pattern: &str) -> Glob {
    Glob::new(pattern)
}

#[test]
fn each_word_means_what_the_manual_says() {
    for (word, test) in [
        ("service:/orders/*", Test::Service(glob("* /orders/*"))),
        ("service:\"GET /orders/*\"", Test::Service(glob("GET /orders/*"))),
        ("object:/host/*", Test::Object(glob("/host/*"))),
        ("tenant:\"acme corp\"", Test::Tenant(glob("acme corp"))),
        ("login:\"\"", Test::Login(glob(""))),
        ("ip:10.0.*", Test::Ip(glob("10.0.*"))),
        ("ua:curl*", Test::UserAgent(glob("curl*"))),
        ("desc:nightly", Test::Desc(glob("nightly"))),
        ("error:\"*no route*\"", Test::ErrorText(glob("*no route*"))),
        ("pool>10ms", Test::PoolAbove(10_000)),
        ("login:a:b", Test::Login(glob("a:b"))),
        ("status:503", Test::Status(503, 503)),
        ("status:5xx", Test::Status(500, 599)),
        ("status:1014", Test::Status(1014, 1014)),
        ("err", Test::Error),
        ("slow", Test::Slow),
        ("slow>1s", Test::ElapsedAbove(1_000_000)),
        ("elapsed>1500", Test::ElapsedAbove(1_500_000)),
        ("elapsed<20ms", Test::ElapsedBelow(20_000)),
        ("elapsed<1m", Test::ElapsedBelow(60_000_000)),
        ("sql>749us", Test::SqlAbove(749)),
        ("api>0s", Test::ApiAbove(0)),
    ] {
        let expected =
            |is_negated| Filter { clauses: vec![Clause { test: test.clone(), is_negated }] };
        assert_eq!(parse(word).as_ref(), Ok(&expected(false)), "{word}");
        assert_eq!(parse(&format!("-{word}")).as_ref(), Ok(&expected(true)), "-{word}");
    }
}

#[test]
fn words_are_joined_and_nothing_passes_everything() {
    assert_eq!(parse(""), Ok(Filter::ALL));
    assert_eq!(parse("   "), Ok(Filter::ALL));
    assert_eq!(parse("err  status:5xx -slow>1s ").unwrap().clauses.len(), 3);
}

#[test]
fn what_is_not_understood_is_refused_with_what_was_meant() {
    for (filter, expected) in [
        ("servce:x", "unknown filter word \"servce\": did you mean \"service:\"?"),
        ("error", "unknown filter word \"error\": did you mean \"error:\"?"),
        ("elapse>1s", "unknown filter word \"elapse\": did you mean \"elapsed>\"?"),
        ("xyzzy:1", "unknown filter word \"xyzzy\": use service:"),
        ("status:abc", "\"abc\" is not a status"),
        ("status:55xx", "\"55xx\" is not a status"),
        ("status:99999", "\"99999\" is not a status"),
        ("slow>soon", "\"soon\" is not a duration"),
        ("slow>1h", "\"1h\" is not a duration"),
        ("slow>", "\"\" is not a duration"),
        ("slow<1s", "\"slow\" only knows \">\""),
        ("slow>99999999999999999999s", "is not a duration"),
        ("slow>18446744073709551615m", "is not a duration"),
        ("service:", "filter word \"service:\" has no value"),
        ("service:\"GET", "a double quote in the filter is not closed"),
        ("-", "unknown filter word \"\""),
    ] {
        let error = parse(filter).unwrap_err().to_string();
        assert!(error.contains(expected), "{filter}: {error}");
    }
}

#[test]
fn filters_beyond_the_limits_are_refused() {
    let long = format!("service:{}", "x".repeat(MAX_FILTER_BYTES));
    assert_eq!(parse(&long), Err(FilterError::TooLong));
    assert_eq!(parse(&"err ".repeat(MAX_FILTER_WORDS + 1)), Err(FilterError::TooLong));
    assert!(parse(&"err ".repeat(MAX_FILTER_WORDS)).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = parse(&text);
    }
}
