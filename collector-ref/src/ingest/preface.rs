//! The first bytes of a connection: ours, or somebody else's protocol.

use std::io::{Read, Write};

use scouter_wire::codec::{PREFACE, check_preface};

use super::end::{End, Reason};

/// Reads the preface byte by byte, so that a peer that speaks another protocol is refused at its
/// first wrong byte and one that waits for us to speak first is not read past its end.
///
/// # Errors
/// A refusal that names the protocol that the peer seems to speak.
pub(crate) fn read_preface(stream: &mut (impl Read + Write), http: &str) -> Result<(), End> {
    let mut received = [0; PREFACE.len()];
    for length in 1..=received.len() {
        stream.read_exact(&mut received[length - 1..length]).map_err(|error| {
            match error.kind() {
                std::io::ErrorKind::UnexpectedEof => End::Closed,
                _ => error.into(),
            }
        })?;
        if check_preface(&received[..length]).is_err() {
            let guess = guess(received[0], http);
            if guess.is_http {
                answer_http(stream, http);
            }
            return Err(End::refuse(Reason::Preface, guess.sentence));
        }
    }
    Ok(())
}

struct Guess {
    is_http: bool,
    sentence: String,
}

/// What the first byte looks like. It is enough: the protocols that come here by mistake differ
/// in it.
fn guess(first: u8, http: &str) -> Guess {
    let (is_http, what) = match first {
        b'G' | b'P' | b'H' | b'D' | b'O' | b'C' => {
            (true, format!("this looks like HTTP: page and API are on {http}"))
        }
        0x16 => (false, "this looks like TLS, which this port does not speak: configure it, or set SCOUTER_COLLECTOR to \
             host:port without tls://".to_owned()),
        0xca => {
            (false, "this looks like SCOUTER's own protocol: its agents are not served".to_owned())
        }
        _ => (false, "this is not an agent of Scouter for Rust".to_owned()),
    };
    let sentence = format!("the agent port expects the Scouter preface SCTRRS1; {what}");
    Guess { is_http, sentence }
}

/// Tells a browser or curl in its own language where to go.
fn answer_http(stream: &mut impl Write, http: &str) {
    let body = format!("This is the port for Scouter agents. Page and API: {http}\n");
    let length = body.len();
    // The peer is refused anyway; if it does not take the explanation, there is nothing to do.
    let _ = write!(
        stream,
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn refusal(bytes: &[u8]) -> Option<String> {
        let http = "http://127.0.0.1:6180/";
        match read_preface(&mut Cursor::new(bytes.to_vec()), http) {
            Ok(()) => None,
            Err(End::Refused(refused)) => Some(refused.sentence),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn other_protocols_are_named() {
        assert_eq!(refusal(PREFACE), None);
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "HTTP"),
            (b"PRI * HTTP/2.0", "HTTP"),
            (b"\x16\x03\x01\x02\x00", "TLS"),
            (b"\xca\xfe\x20\x01", "SCOUTER"),
            (b"SCTRRS2\n", "not an agent"),
            (b"\0\0\0\0", "not an agent"),
        ] {
            let sentence = refusal(bytes).unwrap();
            assert!(sentence.contains(expected), "{bytes:?}: {sentence}");
        }
    }
}
