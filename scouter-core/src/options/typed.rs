//! Types of options, and access by name.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;

use super::groups;
use super::table::ALL;

/// Longest value of a text option, in bytes; a longer one is refused.
pub const MAX_TEXT_OPTION_BYTES: usize = 1_024;

/// What kind of value an option has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionKind {
    /// A whole number within limits.
    Number {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// `true` or `false`.
    Bool,
    /// Any text without control characters.
    Text,
}

/// What is known about an option without its value.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct OptionInfo {
    /// Name, SCOUTER's where the meaning is the same.
    pub name: &'static str,
    /// One or two sentences.
    pub help: &'static str,
    /// Unit of the value, or empty.
    pub unit: &'static str,
    /// Default value as text.
    pub default: &'static str,
    /// Environment variable that sets it.
    pub env: &'static str,
    /// Kind of value.
    pub kind: OptionKind,
    /// Whether a change takes effect while the process runs.
    pub is_live: bool,
}

/// An option that is a number.
#[derive(Debug)]
pub struct U64Option {
    info: OptionInfo,
    value: AtomicU64,
}

/// An option that is on or off.
#[derive(Debug)]
pub struct BoolOption {
    info: OptionInfo,
    value: AtomicBool,
}

/// An option that is a text.
#[derive(Debug)]
pub struct TextOption {
    info: OptionInfo,
    value: RwLock<Option<Arc<str>>>,
    /// Whether the value is not empty; only of options whose default is empty.
    is_set: AtomicBool,
}

impl U64Option {
    pub(super) const fn new(info: OptionInfo, value: u64) -> Self {
        Self { info, value: AtomicU64::new(value) }
    }

    /// The value now.
    #[inline(always)]
    pub fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    #[cfg(feature = "enable")]
    /// The value now; options whose largest value fits.
    #[inline(always)]
    pub(crate) fn small(&self) -> u32 {
        u32::try_from(self.value()).unwrap_or(u32::MAX)
    }
}

impl BoolOption {
    pub(super) const fn new(info: OptionInfo, value: bool) -> Self {
        Self { info, value: AtomicBool::new(value) }
    }

    /// The value now.
    #[inline(always)]
    pub fn value(&self) -> bool {
        self.value.load(Ordering::Relaxed)
    }
}

impl TextOption {
    pub(super) const fn new(info: OptionInfo) -> Self {
        Self { info, value: RwLock::new(None), is_set: AtomicBool::new(false) }
    }

    /// Whether there is a value, of an option that is empty by default. One load.
    #[inline(always)]
    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }

    /// Whether a service fits one of the patterns in the value: separated by commas, `*` stands for
    /// any characters, and one that begins with `/` is compared with the route alone.
    #[cfg(feature = "enable")]
    #[must_use]
    pub fn lists_service(&self, service: &str) -> bool {
        self.is_set() && crate::rules::is_listed(&self.value(), service)
    }

    /// Whether a statement fits one of the patterns in the value: separated by semicolons, `*`
    /// stands for any characters.
    #[cfg(feature = "enable")]
    pub(super) fn lists_statement(&self, sql: &str) -> bool {
        self.is_set() && crate::rules::lists_statement(&self.value(), sql)
    }

    /// The value now. Takes a read lock; readers on the request path keep what they need.
    pub fn value(&self) -> Arc<str> {
        match &*self.value.read() {
            Some(value) => Arc::clone(value),
            None => Arc::from(self.info.default),
        }
    }
}

/// A line of the table.
pub(super) trait Line: Sync {
    fn info(&self) -> &OptionInfo;
    fn text(&self) -> String;
    /// Parses and stores; `Err` says what was expected.
    fn store(&self, text: &str) -> Result<(), String>;
}

impl Line for U64Option {
    fn info(&self) -> &OptionInfo {
        &self.info
    }

    fn text(&self) -> String {
        self.value().to_string()
    }

    fn store(&self, text: &str) -> Result<(), String> {
        let OptionKind::Number { min, max } = self.info.kind else { return Ok(()) };
        match text.parse::<u64>() {
            Ok(value) if (min..=max).contains(&value) => {
                self.value.store(value, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(format!("a whole number from {min} to {max}")),
        }
    }
}

impl Line for BoolOption {
    fn info(&self) -> &OptionInfo {
        &self.info
    }

    fn text(&self) -> String {
        self.value().to_string()
    }

    fn store(&self, text: &str) -> Result<(), String> {
        let value = match text {
            "true" | "1" | "on" | "yes" => true,
            "false" | "0" | "off" | "no" => false,
            _ => return Err("true or false".to_owned()),
        };
        self.value.store(value, Ordering::Relaxed);
        Ok(())
    }
}

impl Line for TextOption {
    fn info(&self) -> &OptionInfo {
        &self.info
    }

    fn text(&self) -> String {
        self.value().as_ref().to_owned()
    }

    fn store(&self, text: &str) -> Result<(), String> {
        if text.len() > MAX_TEXT_OPTION_BYTES || text.chars().any(char::is_control) {
            return Err(format!(
                "at most {MAX_TEXT_OPTION_BYTES} bytes without control characters"
            ));
        }
        *self.value.write() = Some(Arc::from(text));
        self.is_set.store(!text.is_empty(), Ordering::Relaxed);
        Ok(())
    }
}

/// An option could not be set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionError {
    /// There is no such option, probably a typing error.
    Unknown {
        /// What was asked for.
        name: String,
        /// The option with the most similar name.
        nearest: &'static str,
    },
    /// The value is not one the option takes.
    BadValue {
        /// The option.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it takes.
        expected: String,
    },
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, nearest } => {
                write!(f, "unknown option `{name}`, did you mean `{nearest}`?")
            }
            Self::BadValue { name, value, expected } => {
                write!(f, "option `{name}` cannot be `{value}`, it takes {expected}")
            }
        }
    }
}

impl std::error::Error for OptionError {}

/// All options.
#[must_use]
pub fn all() -> &'static [OptionInfo] {
    static INFOS: LazyLock<Vec<OptionInfo>> =
        LazyLock::new(|| lines().map(|line| *line.info()).collect());
    &INFOS
}

/// The value of an option as text; `None` if there is no such option.
#[must_use]
pub fn value(name: &str) -> Option<String> {
    find(name).map(Line::text)
}

/// Sets an option from text. Takes effect at once where [`OptionInfo::is_live`] says so.
///
/// # Errors
/// [`OptionError::Unknown`] names the nearest option; [`OptionError::BadValue`] says what it takes,
/// and the old value stays.
pub fn set(name: &str, value: &str) -> Result<(), OptionError> {
    let Some(line) = find(name) else {
        return Err(OptionError::Unknown { name: shortened(name), nearest: nearest(name) });
    };
    line.store(value.trim()).map_err(|expected| OptionError::BadValue {
        name: line.info().name,
        value: shortened(value),
        expected,
    })
}

fn lines() -> impl Iterator<Item = &'static dyn Line> {
    ALL.iter().copied().chain(groups::lines())
}

fn find(name: &str) -> Option<&'static dyn Line> {
    lines().find(|line| line.info().name == name)
}

fn shortened(text: &str) -> String {
    scouter_wire::text::cut(text, 64).to_owned()
}

fn nearest(name: &str) -> &'static str {
    let name = scouter_wire::text::cut(name, 64);
    let names = lines().map(|line| line.info().name);
    names.min_by_key(|candidate| distance(name, candidate)).unwrap_or("")
}

/// How many insertions, deletions and replacements of bytes lead from one to the other: the smaller,
/// the likelier one is the other with a typing mistake. Costs the product of their lengths.
#[must_use]
pub fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_option_names_the_nearest_one() {
        let error = set("profile_step_max_cout", "5").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown option `profile_step_max_cout`, did you mean `profile_step_max_count`?"
        );
        assert!(set(&"x".repeat(1 << 20), "5").unwrap_err().to_string().len() < 200);
        assert_eq!(value("nonsense"), None);
    }

    #[test]
    fn bad_value_is_refused_with_what_the_option_takes_and_the_old_one_stays() {
        for bad in ["", "-1", "x", "15", "1048576", "99999999999999999999"] {
            let error = set("profile_step_max_count", bad).unwrap_err().to_string();
            assert!(error.contains("a whole number from 16 to 1048575"), "{error}");
        }
        assert_eq!(value("profile_step_max_count").unwrap(), "1024");
        let error = set("profile_off", "perhaps").unwrap_err().to_string();
        assert_eq!(error, "option `profile_off` cannot be `perhaps`, it takes true or false");
    }

    #[test]
    fn every_option_has_its_default_its_env_and_a_help() {
        for info in all() {
            assert_eq!(value(info.name).unwrap(), info.default, "{}", info.name);
            assert_eq!(info.env, format!("SCOUTER_{}", info.name.to_uppercase()));
            assert!(info.help.ends_with('.') && info.help.len() > 20, "{}", info.name);
        }
        let mut names: Vec<&str> = all().iter().map(|info| info.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }

    #[test]
    fn text_option_is_read_back_and_refuses_control_characters() {
        set("trace_tenant_header", " X-Tenant ").unwrap();
        assert_eq!(&*TRACE_TENANT_HEADER.value(), "X-Tenant");
        assert!(set("trace_tenant_header", "a\nb").is_err());
        set("trace_tenant_header", "x-tenant-id").unwrap();
    }

    use super::super::table::TRACE_TENANT_HEADER;
}
