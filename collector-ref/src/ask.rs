//! `scouter-collector ask` and `upload-symbols`: one request to a running collector.

use std::fs::File;
use std::io::{Read, Write, copy};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rustls::StreamOwned;

/// How long connecting, and each read, may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer, in bytes.
const MAX_ANSWER_BYTES: u64 = 256 * 1024 * 1024;

/// What came of it, or a sentence.
type Answer<T> = Result<T, Box<dyn std::error::Error>>;

/// A debug file for a running collector.
#[derive(Args)]
pub(crate) struct Upload {
    /// The program, library or debug file; its build-id says of what it is
    file: PathBuf,
    #[command(flatten)]
    collector: Collector,
}

impl Upload {
    /// Sends it; answers what the collector says of it.
    ///
    /// # Errors
    /// A sentence: the collector's, or why it was not sent.
    pub(crate) fn send(&self, token: Option<&str>) -> Answer<String> {
        let name = self.file.display();
        let file = File::open(&self.file).map_err(|error| format!("{name}: {error}"))?;
        let length = file.metadata()?.len();
        let said = self.collector.request("POST", "/api/v1/symbols", (file, length), token)?;
        Ok(format!("{said}\n"))
    }
}

/// What is asked.
#[derive(Args)]
pub(crate) struct Question {
    /// Name of the object, such as /host/orders
    object: String,
    /// What to ask it
    #[arg(value_enum)]
    what: What,
    /// Which of several processes under one name: 32 hexadecimal digits
    #[arg(long, value_name = "INSTANCE")]
    instance: Option<String>,
    /// With capture-start: names or file:line of callsites; * stands for anything
    #[arg(long, value_name = "PATTERN", default_value = "")]
    callsites: String,
    /// With capture-start: of this service only
    #[arg(long, value_name = "PATTERN", default_value = "")]
    service: String,
    /// With capture-start: of this tenant only
    #[arg(long, value_name = "PATTERN", default_value = "")]
    tenant: String,
    /// With capture-start: for how long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// With capture-start: at most so many values
    #[arg(long, default_value_t = 1_000)]
    values: u64,
    #[command(flatten)]
    collector: Collector,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// What runs now, and what it awaits
    Active,
    /// The same of tasks that were spawned by requests
    Tasks,
    /// All OS threads with their native stacks
    Threads,
    /// How often which service was where, as folded stacks
    Sfa,
    /// Samples of CPU time as folded stacks, once they were started
    SfaCpu,
    /// Start to sample CPU time, at 99 Hz for 30 s
    SfaStart,
    /// What was allocated where, and what of it lives
    Heap,
    /// What lives as folded stacks, in bytes
    HeapFolded,
    /// Arguments, variables, limits and sockets of the process
    Env,
    /// Whether values are captured, and how many were
    Capture,
    /// Capture arguments and results at --callsites for a while
    CaptureStart,
    /// End that
    CaptureStop,
}

impl Question {
    /// Asks, and answers what there is to print.
    ///
    /// # Errors
    /// A sentence: the collector's, or why it was not reached.
    pub(crate) fn ask(&self, token: Option<&str>) -> Answer<String> {
        let object = escaped(&self.object);
        let start = serde_json::json!({
            "action": "start",
            "callsites": self.callsites,
            "service": self.service,
            "tenant": self.tenant,
            "seconds": self.seconds,
            "values": self.values,
        });
        let start = start.to_string();
        let (method, path, body) = match self.what {
            What::Active => ("GET", format!("active?object={object}&format=text"), ""),
            What::Tasks => ("GET", format!("active?object={object}&kind=spawned&format=text"), ""),
            What::Capture => ("GET", format!("capture/{object}"), ""),
            What::CaptureStart => ("POST", format!("capture/{object}"), &*start),
            What::CaptureStop => ("POST", format!("capture/{object}"), "{\"action\":\"stop\"}"),
            What::Threads => ("POST", format!("threads/{object}?format=text"), ""),
            What::Sfa => ("GET", format!("sfa/{object}?format=folded"), ""),
            What::SfaCpu => ("GET", format!("sfa/{object}?mode=cpu&format=folded"), ""),
            What::SfaStart => ("POST", format!("sfa/{object}"), "{\"action\":\"start\"}"),
            What::Heap => ("GET", format!("heap/{object}?format=text"), ""),
            What::HeapFolded => ("GET", format!("heap/{object}?format=folded"), ""),
            What::Env => ("GET", format!("env/{object}?format=text"), ""),
        };
        let instance =
            self.instance.as_deref().filter(|_| !matches!(self.what, What::Active | What::Tasks));
        let instance = instance.map(|one| {
            format!("{}instance={}", if path.contains('?') { '&' } else { '?' }, escaped(one))
        });
        let path = format!("/api/v1/{path}{}", instance.unwrap_or_default());
        self.collector.request(method, &path, (body.as_bytes(), body.len() as u64), token)
    }
}

/// Which collector.
#[derive(Args)]
pub(crate) struct Collector {
    /// Page and API of the collector
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:6180")]
    url: String,
    /// With https: certificates that are trusted, in PEM [default: those of the system]
    #[arg(long, value_name = "FILE", env = "SCOUTER_COLLECTOR_CA")]
    ca: Option<PathBuf>,
}

/// A connection, in plain or by TLS.
trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

impl Collector {
    /// One request over a connection of its own. HTTP/1.0, so that the answer ends with the
    /// connection.
    fn request(
        &self,
        method: &str,
        path: &str,
        (mut body, length): (impl Read, u64),
        token: Option<&str>,
    ) -> Answer<String> {
        let (authority, mut stream) = self.connect()?;
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {authority}\r\n{}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n",
            token.unwrap_or_default(),
        );
        stream.write_all(head.as_bytes()).map_err(|error| self.unreachable(&error))?;
        // It may answer before it has read all, and that answer says why.
        let sent = copy(&mut body, &mut stream);
        let mut bytes = Vec::new();
        let read = stream.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes);
        if bytes.is_empty() {
            sent.map_err(|error| self.unreachable(&error))?;
            read.map_err(|error| self.unreachable(&error))?;
        }
        let answer = String::from_utf8_lossy(&bytes);
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(
            "this is no answer of a collector: does it speak the other of http and https?",
        )?;
        if head.split(' ').nth(1) == Some("200") {
            return Ok(body.to_owned());
        }
        let error: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        Err(error["error"]["message"].as_str().unwrap_or(body).to_owned().into())
    }

    /// Host and port, and the connection to there.
    fn connect(&self) -> Answer<(&str, Box<dyn Stream>)> {
        let (is_tls, authority) = match self.url.split_once("://") {
            Some(("https", rest)) => (true, rest.trim_end_matches('/')),
            Some(("http", rest)) => (false, rest.trim_end_matches('/')),
            _ => return Err(format!("{} begins with neither http nor https", self.url).into()),
        };
        let tcp = TcpStream::connect(authority).map_err(|error| self.unreachable(&error))?;
        tcp.set_read_timeout(Some(TIMEOUT))?;
        if !is_tls {
            return Ok((authority, Box::new(tcp)));
        }
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let connection = scouter_exporter::tls_client(host, self.ca.as_deref())?;
        Ok((authority, Box::new(StreamOwned::new(connection, tcp))))
    }

    fn unreachable(&self, error: &std::io::Error) -> String {
        format!("cannot reach the collector at {}: {error}", self.url)
    }
}

/// A text as a part of an address.
fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
