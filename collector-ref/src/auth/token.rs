//! Tokens and the roles they give.

use std::collections::BTreeMap;

use scouter_wire::glob;
use serde::{Deserialize, Serialize};

/// Shortest token in bytes that is accepted beyond loopback.
pub(crate) const MIN_TOKEN_BYTES: usize = 8;

/// What the holder of a token may do; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Sees everything but bound SQL values.
    Viewer,
    /// Also sees SQL values, and changes options and callsite switches of agents.
    Operator,
    /// Everything.
    Admin,
}

/// The tokens of a collector. All are optional; without any, only loopback is served.
///
/// Default: none. Env: `SCOUTER_COLLECTOR_TOKEN` sets `admin` and `agent` to the same token.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Tokens {
    /// Gives [`Role::Viewer`].
    pub viewer: Option<String>,
    /// Gives [`Role::Operator`].
    pub operator: Option<String>,
    /// Gives [`Role::Admin`].
    pub admin: Option<String>,
    /// What agents must show, whatever object they are. Without it and without groups, agents need
    /// no token.
    pub agent: Option<String>,
    /// Groups of agents with tokens of their own, by name.
    pub groups: BTreeMap<String, AgentGroup>,
}

/// Agents that share a token and may be certain objects only: who learns the token of one team
/// cannot send in the name of another.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AgentGroup {
    /// What its agents must show.
    pub token: String,
    /// Patterns of the object names they may have, in which `*` stands for any characters.
    pub objects: Vec<String>,
}

impl AgentGroup {
    /// A group with a token, for objects whose names fit one of the patterns.
    #[must_use]
    pub fn new(token: impl Into<String>, objects: impl IntoIterator<Item = String>) -> Self {
        Self { token: token.into(), objects: objects.into_iter().collect() }
    }
}

impl std::fmt::Debug for AgentGroup {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentGroup").field("objects", &self.objects).finish_non_exhaustive()
    }
}

/// Whether an agent may connect.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission<'a> {
    /// It may.
    Granted,
    /// Nobody has this token.
    UnknownToken,
    /// The token is that of a group whose objects have other names.
    OtherObject(&'a str),
}

impl std::fmt::Debug for Tokens {
    /// Says which tokens are set, never what they are.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("viewer", &self.viewer.is_some())
            .field("operator", &self.operator.is_some())
            .field("admin", &self.admin.is_some())
            .field("agent", &self.agent.is_some())
            .field("groups", &self.groups)
            .finish()
    }
}

impl Tokens {
    /// One token for agents and for administration.
    #[must_use]
    pub fn single(token: impl Into<String>) -> Self {
        let token = token.into();
        Self { admin: Some(token.clone()), agent: Some(token), ..Self::default() }
    }

    /// Whether people need a token.
    #[must_use]
    pub(crate) fn guards_people(&self) -> bool {
        self.viewer.is_some() || self.operator.is_some() || self.admin.is_some()
    }

    /// Whether agents need a token.
    #[must_use]
    pub(crate) fn guards_agents(&self) -> bool {
        self.agent.is_some() || !self.groups.is_empty()
    }

    /// The highest role that `token` gives. Takes the same time for each wrong token.
    #[must_use]
    pub(crate) fn role(&self, token: &str) -> Option<Role> {
        [(&self.viewer, Role::Viewer), (&self.operator, Role::Operator), (&self.admin, Role::Admin)]
            .into_iter()
            .filter(|(known, _)| known.as_deref().is_some_and(|known| is_same(known, token)))
            .map(|(_, role)| role)
            .max()
    }

    /// Whether an agent that shows `token` may be the object of this name. Takes the same time for
    /// each wrong token.
    #[must_use]
    pub(crate) fn admit(&self, token: &str, object: &str) -> Admission<'_> {
        if !self.guards_agents() {
            return Admission::Granted;
        }
        let mut admission = Admission::UnknownToken;
        for (name, group) in &self.groups {
            if is_same(&group.token, token) && admission != Admission::Granted {
                let fits = group.objects.iter().any(|pattern| glob::is_match(pattern, object));
                admission = if fits { Admission::Granted } else { Admission::OtherObject(name) };
            }
        }
        if self.agent.as_deref().is_some_and(|known| is_same(known, token)) {
            admission = Admission::Granted;
        }
        admission
    }

    /// The first token that is too short to be one, by its name in the configuration.
    pub(crate) fn too_short(&self) -> Option<String> {
        let named = [
            ("viewer", &self.viewer),
            ("operator", &self.operator),
            ("admin", &self.admin),
            ("agent", &self.agent),
        ];
        let named = named.into_iter().filter_map(|(name, token)| Some((name, token.as_deref()?)));
        let groups = self.groups.iter().map(|(name, group)| (&**name, &*group.token));
        let mut all = named.chain(groups);
        all.find(|(_, token)| token.len() < MIN_TOKEN_BYTES).map(|(name, _)| name.to_owned())
    }
}

/// Compares without telling by its time where two texts differ.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_gives_the_highest_role_it_is_listed_for() {
        let tokens = Tokens {
            viewer: Some("look-only".into()),
            operator: Some("hands-on-1".into()),
            admin: Some("hands-on-1".into()),
            ..Tokens::default()
        };
        for (token, expected) in [
            ("look-only", Some(Role::Viewer)),
            ("hands-on-1", Some(Role::Admin)),
            ("hands-on-2", None),
            ("", None),
        ] {
            assert_eq!(tokens.role(token), expected, "{token}");
        }
        let anyone = tokens.admit("anything", "/host/x");
        assert_eq!(anyone, Admission::Granted, "agents are open without an agent token");
    }

    #[test]
    fn a_single_token_guards_agents_and_people_and_is_never_printed() {
        let tokens = Tokens::single("s3cret-token");
        assert!(tokens.guards_people());
        for (token, expected) in [
            ("s3cret-token", Admission::Granted),
            ("s3cret-tokeN", Admission::UnknownToken),
            ("", Admission::UnknownToken),
        ] {
            assert_eq!(tokens.admit(token, "/host/x"), expected, "{token}");
        }
        assert!(!format!("{tokens:?}").contains("s3cret"));
        assert_eq!(Tokens::single("short").too_short(), Some("admin".into()));
    }

    #[test]
    fn a_group_may_be_its_own_objects_only() {
        let pay = AgentGroup::new("token-of-pay", ["/*/pay-*".to_owned(), "/pay".to_owned()]);
        let shop = AgentGroup::new("token-of-shop", ["/*/shop".to_owned()]);
        let groups = BTreeMap::from([("pay".to_owned(), pay), ("shop".to_owned(), shop)]);
        let mut tokens = Tokens { groups, ..Tokens::default() };
        assert!(tokens.guards_agents() && !tokens.guards_people());
        assert!(!format!("{tokens:?}").contains("token-of-pay"));
        for (token, object, expected) in [
            ("token-of-pay", "/host/pay-1", Admission::Granted),
            ("token-of-pay", "/pay", Admission::Granted),
            ("token-of-pay", "/host/shop", Admission::OtherObject("pay")),
            ("token-of-shop", "/host/shop", Admission::Granted),
            ("token-of-none", "/host/shop", Admission::UnknownToken),
            ("", "/host/shop", Admission::UnknownToken),
        ] {
            assert_eq!(tokens.admit(token, object), expected, "{token} {object}");
        }
        tokens.agent = Some("token-of-pay".into());
        assert_eq!(tokens.admit("token-of-pay", "/host/shop"), Admission::Granted);
        tokens.groups.insert("tiny".into(), AgentGroup::new("x", []));
        assert_eq!(tokens.too_short(), Some("tiny".into()));
    }
}
