//! Tokens and the roles they give.

use serde::Serialize;

/// Shortest token in bytes that is accepted beyond loopback.
pub(crate) const MIN_TOKEN_BYTES: usize = 8;

/// What the holder of a token may do; each role includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
#[derive(Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tokens {
    /// Gives [`Role::Viewer`].
    pub viewer: Option<String>,
    /// Gives [`Role::Operator`].
    pub operator: Option<String>,
    /// Gives [`Role::Admin`].
    pub admin: Option<String>,
    /// What agents must show. Without it, agents need no token.
    pub agent: Option<String>,
}

impl std::fmt::Debug for Tokens {
    /// Says which tokens are set, never what they are.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("viewer", &self.viewer.is_some())
            .field("operator", &self.operator.is_some())
            .field("admin", &self.admin.is_some())
            .field("agent", &self.agent.is_some())
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
        self.agent.is_some()
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

    /// Whether an agent that shows `token` may connect.
    #[must_use]
    pub(crate) fn admits_agent(&self, token: &str) -> bool {
        self.agent.as_deref().is_none_or(|known| is_same(known, token))
    }

    /// The first token that is too short to be one, by its name in the configuration.
    pub(crate) fn too_short(&self) -> Option<&'static str> {
        [
            ("viewer", &self.viewer),
            ("operator", &self.operator),
            ("admin", &self.admin),
            ("agent", &self.agent),
        ]
        .into_iter()
        .find(|(_, token)| token.as_ref().is_some_and(|token| token.len() < MIN_TOKEN_BYTES))
        .map(|(name, _)| name)
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
            agent: None,
        };
        for (token, expected) in [
            ("look-only", Some(Role::Viewer)),
            ("hands-on-1", Some(Role::Admin)),
            ("hands-on-2", None),
            ("", None),
        ] {
            assert_eq!(tokens.role(token), expected, "{token}");
        }
        assert!(tokens.admits_agent("anything"), "agents are open without an agent token");
    }

    #[test]
    fn a_single_token_guards_agents_and_people_and_is_never_printed() {
        let tokens = Tokens::single("s3cret-token");
        assert!(tokens.guards_people() && tokens.admits_agent("s3cret-token"));
        assert!(!tokens.admits_agent("s3cret-tokeN") && !tokens.admits_agent(""));
        assert!(!format!("{tokens:?}").contains("s3cret"));
        assert_eq!(Tokens::single("short").too_short(), Some("admin"));
    }
}
