//! Settings from the environment and from a file.
//!
//! The environment beats the file, the file beats what the code says: whoever runs the process has
//! the last word. A value that cannot be used is reported once, and what it would have replaced
//! stays; only [`Builder::strict`](crate::Builder::strict) makes it an error.
//!
//! While the agent runs the file is watched: what changes in it takes effect, except for settings of
//! the agent itself. What the page sets stays until the file changes that very option.

mod file;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use self::file::Entry;
pub use self::watch::CONFIG_INTERVAL;
pub(crate) use self::watch::Watch;
use crate::collector::{DEFAULT_SPOOL_BYTES, DEFAULT_WINDOW_BYTES, TLS_SCHEME};

/// Where the collector is expected unless it is said.
pub const DEFAULT_COLLECTOR: &str = "127.0.0.1:6100";

/// How long the guard's drop may take to deliver what is left.
pub const DEFAULT_FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Smallest window: one full batch with profiles must fit.
pub const MIN_WINDOW_BYTES: usize = 256 * 1024;

/// Largest options file that is read, in bytes; a longer one is a mistake.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Most mistakes that one line shows.
const MAX_SHOWN_MISTAKES: usize = 8;

/// Settings of the exporter itself; those of the recorder are options of
/// [`scouter_core::options`].
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) enabled: bool,
    pub(crate) collector: String,
    pub(crate) collector_ca: Option<PathBuf>,
    pub(crate) token: Option<String>,
    pub(crate) object_name: String,
    pub(crate) window_bytes: usize,
    pub(crate) spool_folder: Option<PathBuf>,
    pub(crate) spool_bytes: u64,
    pub(crate) flush_timeout: Duration,
    pub(crate) json_lines: Option<String>,
    pub(crate) last_words: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            enabled: true,
            collector: DEFAULT_COLLECTOR.to_owned(),
            collector_ca: None,
            token: None,
            object_name: name.to_owned(),
            window_bytes: DEFAULT_WINDOW_BYTES,
            spool_folder: None,
            spool_bytes: DEFAULT_SPOOL_BYTES,
            flush_timeout: DEFAULT_FLUSH_TIMEOUT,
            json_lines: None,
            last_words: None,
        }
    }

    /// Sets one by its name in a file; false when there is none of this name.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "enabled" => {
                self.enabled = match value {
                    "true" | "1" | "on" | "yes" => true,
                    "false" | "0" | "off" | "no" => false,
                    _ => return Err("takes true or false".to_owned()),
                }
            }
            "collector" => {
                if !value.split(',').map(str::trim).all(is_target) {
                    return Err("takes host:port or tls://host:port, or several with commas".into());
                }
                value.clone_into(&mut self.collector);
            }
            "collector_ca" => self.collector_ca = (!value.is_empty()).then(|| value.into()),
            "token" => self.token = (!value.is_empty()).then(|| value.to_owned()),
            "object_name" => {
                if value.is_empty() {
                    return Err("takes a name".to_owned());
                }
                value.clone_into(&mut self.object_name);
            }
            "window_bytes" => {
                let bytes = value.parse().ok().filter(|bytes| *bytes >= MIN_WINDOW_BYTES);
                self.window_bytes =
                    bytes.ok_or_else(|| format!("takes a number from {MIN_WINDOW_BYTES} on"))?;
            }
            "spool_folder" => self.spool_folder = (!value.is_empty()).then(|| value.into()),
            "spool_bytes" => {
                self.spool_bytes = value.parse().map_err(|_| "takes a number of bytes")?;
            }
            "flush_timeout_ms" => {
                let ms = value.parse().map_err(|_| "takes a number of milliseconds")?;
                self.flush_timeout = Duration::from_millis(ms);
            }
            "json_lines" => self.json_lines = (!value.is_empty()).then(|| value.to_owned()),
            "last_words" => self.last_words = (!value.is_empty()).then(|| value.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets one of these settings or of the recorder's options; on failure a sentence says why.
    fn apply(&mut self, name: &str, value: &str, origin: &str) -> Result<(), String> {
        let said = if name == "token" { "…" } else { value };
        match self.set(name, value) {
            Ok(true) => Ok(()),
            Ok(false) => scouter_core::options::set(name, value).map_err(|error| {
                let own = OWN.iter().map(|setting| setting.name);
                let name = scouter_wire::text::cut(name, 64);
                match nearer(name, &error, own) {
                    Some(own) => format!("{origin}: there is no `{name}`; did you mean `{own}`?"),
                    None => format!("{origin}: {error}"),
                }
            }),
            Err(expected) => Err(format!("{origin}: {name} cannot be `{said}`, it {expected}")),
        }
    }

    /// Applies the text of a configuration file. Answers the values that were taken, by name.
    fn apply_lines(
        &mut self,
        text: &str,
        origin: &str,
        mistakes: &mut Vec<String>,
    ) -> BTreeMap<String, String> {
        let mut taken = BTreeMap::new();
        for Entry { line, content } in file::entries(text) {
            let origin = format!("{origin}:{line}");
            match content {
                Ok((name, value)) => match self.apply(&name, &value, &origin) {
                    Ok(()) => _ = taken.insert(name, value),
                    Err(mistake) => mistakes.push(mistake),
                },
                Err(sentence) => mistakes.push(format!("{origin}: {sentence}")),
            }
        }
        taken
    }

    /// Applies the environment, of which `variable` answers the values. Answers the names it set.
    pub(crate) fn apply_environment(
        &mut self,
        variable: impl Fn(&str) -> Option<String>,
        mistakes: &mut Vec<String>,
    ) -> Vec<&'static str> {
        let own = OWN.iter().map(|setting| (setting.env, setting.name));
        let recorder = scouter_core::options::all().iter().map(|info| (info.env, info.name));
        let mut names = Vec::new();
        for (env, name) in own.chain(recorder) {
            let Some(value) = variable(env) else { continue };
            match self.apply(name, value.trim(), env) {
                Ok(()) => names.push(name),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        names
    }
}

/// Mistakes in one line: the first few, and how many more there are.
pub(crate) fn listed(mistakes: &[String]) -> String {
    let shown = mistakes[..mistakes.len().min(MAX_SHOWN_MISTAKES)].join("; ");
    match mistakes.len().saturating_sub(MAX_SHOWN_MISTAKES) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

/// Whether this is `host:port` or `tls://host:port`.
fn is_target(target: &str) -> bool {
    let address = target.strip_prefix(TLS_SCHEME).unwrap_or(target);
    address
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// The setting of the agent that an unknown name is nearer to than to any option.
fn nearer(
    name: &str,
    error: &scouter_core::options::OptionError,
    own: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    use scouter_core::options::{OptionError, distance};
    let OptionError::Unknown { nearest, .. } = error else { return None };
    let own = own.min_by_key(|own| distance(name, own))?;
    (distance(name, own) < distance(name, nearest)).then_some(own)
}

/// What is known of a setting of the agent itself, which is read when it starts.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SettingInfo {
    /// Its name in the file.
    pub name: &'static str,
    /// Environment variable that sets it.
    pub env: &'static str,
    /// Default value as text.
    pub default: &'static str,
    /// Unit of the value, or empty.
    pub unit: &'static str,
    /// One or two sentences.
    pub help: &'static str,
}

/// The settings of the agent itself. Those of the recorder are `scouter_core::options`.
#[must_use]
pub fn settings() -> &'static [SettingInfo] {
    &OWN
}

fn is_setting(name: &str) -> bool {
    OWN.iter().any(|setting| setting.name == name)
}

const fn own(
    name: &'static str,
    env: &'static str,
    default: &'static str,
    unit: &'static str,
    help: &'static str,
) -> SettingInfo {
    SettingInfo { name, env, default, unit, help }
}

const OWN: [SettingInfo; 11] = [
    own(
        "enabled",
        "SCOUTER_ENABLED",
        "true",
        "",
        "Records and sends. Off, the agent starts no thread and nothing is recorded.",
    ),
    own(
        "collector",
        "SCOUTER_COLLECTOR",
        DEFAULT_COLLECTOR,
        "",
        "Where the collector is: `host:port`, or `tls://host:port` with feature `tls`. Of several, separated by commas, the first that answers.",
    ),
    own(
        "collector_ca",
        "SCOUTER_COLLECTOR_CA",
        "",
        "",
        "File of certificates in PEM that are trusted instead of the system's.",
    ),
    own(
        "token",
        "SCOUTER_TOKEN",
        "",
        "",
        "What the collector asks for. Better in the environment than in a file that others read.",
    ),
    own(
        "object_name",
        "SCOUTER_OBJECT_NAME",
        "/host/name",
        "",
        "Name of this process among the objects; with a `/` in front it is the whole name.",
    ),
    own(
        "window_bytes",
        "SCOUTER_WINDOW_BYTES",
        "8388608",
        "bytes",
        "What is kept in memory until the collector has acknowledged it, 262144 at least. Past it the oldest profiles go first and rows last, counted.",
    ),
    own(
        "spool_folder",
        "SCOUTER_SPOOL_FOLDER",
        "",
        "",
        "Folder of a file that takes what does not fit the window. Empty: none.",
    ),
    own("spool_bytes", "SCOUTER_SPOOL_BYTES", "268435456", "bytes", "Most bytes of that file."),
    own(
        "flush_timeout_ms",
        "SCOUTER_FLUSH_TIMEOUT_MS",
        "2000",
        "ms",
        "How long the end of the process may wait to deliver what is left.",
    ),
    own(
        "json_lines",
        "SCOUTER_JSON_LINES",
        "",
        "",
        "Writes each transaction as a line of JSON to this file too; `-` is standard output.",
    ),
    own(
        "last_words",
        "SCOUTER_LAST_WORDS",
        "",
        "",
        "Folder for a file of 3 KiB that says, should the process die, how it was and whether it panicked; the next start raises an alert of it. Empty: none.",
    ),
];

/// Environment variable that names the configuration file.
pub(crate) const FILE_VARIABLE: &str = "SCOUTER_CONFIG";

/// The configuration file when none is named, in the folder where the application was started; it
/// need not be there.
pub const DEFAULT_CONFIG_FILE: &str = "scouter.toml";

/// Full name of the object: `/host/name`, unless it is given in full.
pub(crate) fn object_name(name: &str) -> String {
    if name.starts_with('/') {
        return name.to_owned();
    }
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|host| host.trim().to_owned())
        .filter(|host| !host.is_empty())
        .unwrap_or_else(|| "localhost".to_owned());
    format!("/{host}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let mut settings = Settings::new("orders");
        let mut mistakes = Vec::new();
        let find = |wanted: &str| {
            pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
        };
        settings.apply_environment(find, &mut mistakes);
        (settings, mistakes)
    }

    #[test]
    fn environment_sets_what_it_names() {
        let (settings, mistakes) = environment(&[
            ("SCOUTER_ENABLED", "false"),
            ("SCOUTER_COLLECTOR", "collector.local:7100"),
            ("SCOUTER_TOKEN", "s3cret"),
            ("SCOUTER_OBJECT_NAME", "/host/billing"),
            ("SCOUTER_WINDOW_BYTES", "1000000"),
            ("SCOUTER_FLUSH_TIMEOUT_MS", "500"),
        ]);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        assert!(!settings.enabled);
        assert_eq!(settings.collector, "collector.local:7100");
        assert_eq!(settings.token.as_deref(), Some("s3cret"));
        assert_eq!(settings.object_name, "/host/billing");
        assert_eq!(settings.window_bytes, 1_000_000);
        assert_eq!(settings.flush_timeout, Duration::from_millis(500));
    }

    #[test]
    fn bad_values_are_reported_and_leave_the_default() {
        for (name, value, part) in [
            ("SCOUTER_ENABLED", "maybe", "true or false"),
            ("SCOUTER_COLLECTOR", "localhost", "host:port"),
            ("SCOUTER_COLLECTOR", ":6100", "host:port"),
            ("SCOUTER_COLLECTOR", "a:1,b", "host:port"),
            ("SCOUTER_COLLECTOR", "a:1,", "host:port"),
            ("SCOUTER_COLLECTOR", "tls://:6100", "host:port"),
            ("SCOUTER_OBJECT_NAME", "", "takes a name"),
            ("SCOUTER_WINDOW_BYTES", "17", "from 262144 on"),
            ("SCOUTER_FLUSH_TIMEOUT_MS", "soon", "milliseconds"),
            ("SCOUTER_XLOG_SLOW_TIME_MS", "slow", "xlog_slow_time_ms"),
        ] {
            let (settings, mistakes) = environment(&[(name, value)]);
            assert_eq!(mistakes.len(), 1, "{name}");
            assert!(mistakes[0].contains(part) && mistakes[0].contains(name), "{}", mistakes[0]);
            assert!(settings.enabled && settings.collector == DEFAULT_COLLECTOR);
        }
    }

    #[test]
    fn a_file_sets_settings_and_options_and_names_the_line_of_a_mistake() {
        let mut settings = Settings::new("orders");
        let mut mistakes = Vec::new();
        let text = "# ours\n\ncollector = \"c:1\"\nno equals sign\nxlog_slow_tim_ms = 5\ncolector = \"d:1\"\n";
        settings.apply_lines(text, "scouter.toml", &mut mistakes);
        assert_eq!(settings.collector, "c:1");
        assert_eq!(mistakes.len(), 3, "{mistakes:?}");
        assert!(mistakes[0].starts_with("scouter.toml:4: `no`"), "{}", mistakes[0]);
        assert!(mistakes[2].contains("did you mean `collector`"), "{}", mistakes[2]);
        assert!(mistakes[1].contains("did you mean `xlog_slow_time_ms`"), "{}", mistakes[1]);
    }

    #[test]
    fn many_mistakes_are_cut_short() {
        let mistakes: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        assert_eq!(listed(&mistakes), "0; 1; 2; 3; 4; 5; 6; 7; and 12 more");
    }

    #[test]
    fn a_token_is_never_shown() {
        let (settings, _) = environment(&[("SCOUTER_TOKEN", "s3cret")]);
        assert_eq!(settings.token.as_deref(), Some("s3cret"));
        let mut settings = settings;
        assert!(!settings.apply("token", "", "x").is_err_and(|text| text.contains("s3cret")));
    }

    #[test]
    fn object_names_begin_with_the_host() {
        assert!(object_name("orders").ends_with("/orders"));
        assert_eq!(object_name("/a/b"), "/a/b");
    }
}
