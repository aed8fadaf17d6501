//! Which requests are not recorded.

use http::Method;
use scouter_core::telemetry::{Noted, note};

use super::name::RequestHead;

/// Most rules [`ScouterLayer::ignore`](crate::ScouterLayer::ignore) keeps: every request is compared
/// with all of them. Those past it ignore nothing, so their requests are recorded (too much is
/// seen, never too little), and `ignore_rules_left_out` grows.
pub const MAX_IGNORED_PATHS: usize = 64;

/// The rules of a layer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ignored(Vec<Rule>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    method: Option<Box<str>>,
    path: Box<str>,
    is_prefix: bool,
}

impl Ignored {
    pub(crate) fn add(&mut self, rule: &str) {
        if self.0.len() >= MAX_IGNORED_PATHS {
            return note(Noted::IgnoreRuleLeftOut);
        }
        self.0.push(Rule::of(rule));
    }

    pub(crate) fn covers(&self, head: &RequestHead<'_>) -> bool {
        // Few applications have any rule.
        if self.0.is_empty() {
            return false;
        }
        let template = head.matched_path();
        self.0.iter().any(|rule| rule.covers(head.method, head.uri.path(), template))
    }
}

impl Rule {
    fn of(rule: &str) -> Self {
        let is_method = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        };
        let (method, path) = match rule.trim().split_once(' ') {
            Some((method, path)) if is_method(method) => (Some(method), path.trim_start()),
            _ => (None, rule.trim()),
        };
        let (path, is_prefix) = match path.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (path, false),
        };
        Self { method: method.map(Into::into), path: path.into(), is_prefix }
    }

    fn covers(&self, method: &Method, path: &str, template: Option<&str>) -> bool {
        let is_method = self.method.as_deref().is_none_or(|wanted| wanted == method.as_str());
        is_method
            && if self.is_prefix {
                path.starts_with(&*self.path)
            } else {
                path == &*self.path || template == Some(&self.path)
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_path_a_beginning_or_a_template_with_or_without_a_method() {
        for (rule, method, path, template, expected) in [
            ("/healthz", "GET", "/healthz", None, true),
            ("/healthz", "GET", "/healthz/", None, false),
            ("/assets/*", "GET", "/assets/a/b", None, true),
            ("/assets/*", "GET", "/asset", None, false),
            ("*", "GET", "/any", None, true),
            ("/orders/{id}", "GET", "/orders/7", Some("/orders/{id}"), true),
            ("/orders/{id}", "GET", "/orders/7", Some("/orders/{order}"), false),
            ("/orders/{*rest}", "GET", "/orders/7", Some("/orders/{*rest}"), true),
            ("GET /healthz", "GET", "/healthz", None, true),
            ("GET /healthz", "POST", "/healthz", None, false),
            ("OPTIONS *", "OPTIONS", "/any", None, true),
            ("OPTIONS *", "GET", "/any", None, false),
            ("VERSION-CONTROL /x", "VERSION-CONTROL", "/x", None, true),
            (" GET   /healthz ", "GET", "/healthz", None, true),
            ("get /healthz", "GET", "/healthz", None, false),
            ("", "GET", "/", None, false),
        ] {
            let mut ignored = Rule::of(rule);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(ignored.covers(&method, path, template), expected, "{rule:?} {path}");
            ignored.method = Some("NEVER".into());
            assert!(!ignored.covers(&method, path, template));
        }
    }
}
