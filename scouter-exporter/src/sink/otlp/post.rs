//! One HTTP/1.1 request on a connection of its own, with an end to all waiting.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::Target;
use super::proto::rejected;
use crate::clock::Moment;

/// Longest time for one request, from connecting to the last byte of the answer.
pub const OTLP_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of an answer that are read; what follows is not looked at.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Taken, except for so many items.
    Taken { rejected: u64 },
    /// To be tried again, at the earliest after this time if the receiver named one.
    Later(Option<Duration>),
    /// Never to be tried again.
    Refused(u16),
}

pub(super) fn post(target: &Target, path: &str, body: &[u8]) -> io::Result<Answer> {
    let until = Moment::now().after(OTLP_REQUEST_TIMEOUT);
    let address = (target.host.as_str(), target.port)
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::other("the host has no address"))?;
    let socket = TcpStream::connect_timeout(&address, left(until)?)?;
    let mut stream = conversation(target, socket)?;
    let mut request = format!(
        "POST {}{path} HTTP/1.1\r\nhost: {}:{}\r\ncontent-type: application/x-protobuf\r\n\
         content-length: {}\r\nconnection: close\r\n",
        target.prefix,
        target.host,
        target.port,
        body.len()
    );
    for (name, value) in &target.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut request = request.into_bytes();
    request.extend_from_slice(body);
    let mut rest = &request[..];
    while !rest.is_empty() {
        limit(stream.socket(), until)?;
        let written = stream.write(rest)?;
        rest = &rest[written..];
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    limit(stream.socket(), until)?;
    stream.flush()?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4_096];
    while answer.len() < MAX_ANSWER_BYTES && !is_complete(&answer) {
        limit(stream.socket(), until)?;
        let count = match stream.read(&mut chunk) {
            // TLS that ends without a farewell: what came is judged as it is.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            result => result?,
        };
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..count]);
    }
    read_answer(&answer).ok_or_else(|| io::Error::other("the answer is not HTTP"))
}

/// A connection, plain or by TLS.
trait Conversation: Read + Write {
    fn socket(&self) -> &TcpStream;
}

impl Conversation for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

#[cfg(feature = "tls")]
impl Conversation for rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

#[cfg(feature = "tls")]
fn conversation(target: &Target, socket: TcpStream) -> io::Result<Box<dyn Conversation>> {
    if !target.is_tls {
        return Ok(Box::new(socket));
    }
    let connection = crate::tls::client(&target.host, target.authority.as_deref())?;
    Ok(Box::new(rustls::StreamOwned::new(connection, socket)))
}

/// Without feature `tls` no target asks for it: the builder refuses such an endpoint.
#[cfg(not(feature = "tls"))]
fn conversation(_: &Target, socket: TcpStream) -> io::Result<Box<dyn Conversation>> {
    Ok(Box::new(socket))
}

fn limit(socket: &TcpStream, until: Moment) -> io::Result<()> {
    let left = left(until)?;
    socket.set_write_timeout(Some(left))?;
    socket.set_read_timeout(Some(left))
}

fn left(until: Moment) -> io::Result<Duration> {
    let left = until.since(Moment::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn split(answer: &[u8]) -> Option<(&str, &[u8])> {
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&answer[..at]).ok()?, &answer[at + 4..]))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| key.trim().eq_ignore_ascii_case(name).then(|| value.trim()))
}

/// Whether nothing more is to come: only when a length was announced; otherwise the end of the
/// connection says it.
fn is_complete(answer: &[u8]) -> bool {
    split(answer).is_some_and(|(head, body)| {
        header(head, "content-length")
            .and_then(|length| length.parse().ok())
            .is_some_and(|length: usize| body.len() >= length)
    })
}

fn read_answer(answer: &[u8]) -> Option<Answer> {
    let (head, body) = split(answer)?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let is_chunked = header(head, "transfer-encoding")
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    Some(match status {
        200..=299 if is_chunked => Answer::Taken { rejected: rejected(&joined(body)) },
        200..=299 => Answer::Taken { rejected: rejected(body) },
        429 | 502 | 503 | 504 => Answer::Later(
            header(head, "retry-after")
                .and_then(|seconds| seconds.parse().ok())
                .map(Duration::from_secs),
        ),
        status => Answer::Refused(status),
    })
}

/// The body without the lengths of its chunks; what cannot be read is left out.
fn joined(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(at) = body.windows(2).position(|window| window == b"\r\n") {
        let line = std::str::from_utf8(&body[..at]).unwrap_or_default();
        let length = line.split(';').next().map(str::trim).unwrap_or_default();
        let Ok(length @ 1..) = usize::from_str_radix(length, 16) else { break };
        let chunk = body.get(at + 2..).unwrap_or_default();
        let Some((data, rest)) = chunk.split_at_checked(length) else { break };
        out.extend_from_slice(data);
        body = rest.get(2..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_their_wait_and_their_rejections() {
        let wait = Some(Duration::from_secs(7));
        for (answer, expected) in [
            (&b"HTTP/1.1 200 OK\r\n\r\n"[..], Some(Answer::Taken { rejected: 0 })),
            (b"HTTP/1.1 200 OK\r\n\r\n\x0a\x02\x08\x05", Some(Answer::Taken { rejected: 5 })),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\x0a\x02\x08\x05\r\n0\r\n\r\n",
                Some(Answer::Taken { rejected: 5 }),
            ),
            (b"HTTP/1.1 503 Busy\r\nretry-after: 7\r\n\r\n", Some(Answer::Later(wait))),
            (b"HTTP/1.1 429 Slow\r\nRetry-After: soon\r\n\r\n", Some(Answer::Later(None))),
            (b"HTTP/1.1 400 Bad\r\n\r\n", Some(Answer::Refused(400))),
            (b"SSH-2.0-OpenSSH\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\n", None),
        ] {
            assert_eq!(read_answer(answer), expected, "{answer:?}");
        }
    }
}
