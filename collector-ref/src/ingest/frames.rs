//! Reads frames from a socket into a buffer that is used again.

use std::io::{self, Read};

use scouter_wire::codec::{FRAME_HEADER_BYTES, FrameHeader};

use super::end::End;

/// Bytes read ahead, so that small frames do not cost a system call each.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// Reads frames from a byte stream.
#[derive(Debug)]
pub(crate) struct Frames<R> {
    input: io::BufReader<R>,
    body: Vec<u8>,
}

impl<R: Read> Frames<R> {
    /// Reads from `input`.
    pub(crate) fn new(input: R) -> Self {
        let input = io::BufReader::with_capacity(READ_AHEAD_BYTES, input);
        Self { input, body: Vec::new() }
    }

    /// Where it reads from.
    pub(crate) fn input(&mut self) -> &mut R {
        self.input.get_mut()
    }

    /// The next frame; its body lies in [`Frames::body`].
    ///
    /// # Errors
    /// [`End::Closed`] when the stream ends between two frames; a refusal when a frame is cut off,
    /// too long, of another version or damaged.
    pub(crate) fn next(&mut self) -> Result<FrameHeader, End> {
        let mut header = [0; FRAME_HEADER_BYTES];
        let mut filled = 0;
        while filled < header.len() {
            match self.input.read(&mut header[filled..]) {
                Ok(0) if filled == 0 => return Err(End::Closed),
                Ok(0) => return Err(cut_off()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let header = FrameHeader::parse(&header)?;
        let length = header.body_bytes as usize;
        // The length is at most MAX_FRAME_BYTES, but whoever claims it must also send it: the
        // buffer grows with what has come, so that a liar costs nothing.
        self.body.clear();
        let read = self.input.by_ref().take(u64::from(header.body_bytes));
        let count = { read }.read_to_end(&mut self.body)?;
        if count < length {
            return Err(cut_off());
        }
        header.check(&self.body)?;
        Ok(header)
    }

    /// The body of the frame that was read last.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

fn cut_off() -> End {
    scouter_wire::codec::DecodeError::Truncated("a frame").into()
}

#[cfg(test)]
mod tests {
    use scouter_wire::codec::{FrameType, MAX_FRAME_BYTES, write_frame};

    use super::super::end::Reason;
    use super::*;

    fn frame(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write_frame(&mut out, FrameType::Object, 3, |out| out.extend_from_slice(body)).unwrap();
        out
    }

    fn reason(bytes: &[u8]) -> Option<Reason> {
        match Frames::new(bytes).next() {
            Ok(_) => None,
            Err(End::Refused(refused)) => Some(refused.reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in_and_the_end_is_clean() {
        let bytes = [frame(b"one"), frame(b""), frame(&[7; 100_000])].concat();
        let mut frames = Frames::new(&bytes[..]);
        for body in [&b"one"[..], b"", &[7; 100_000]] {
            assert_eq!(frames.next().unwrap().seq, 3);
            assert_eq!(frames.body(), body);
        }
        assert!(matches!(frames.next(), Err(End::Closed)));
    }

    #[test]
    fn damage_is_refused_by_its_kind() {
        let good = frame(b"body");
        assert_eq!(reason(&good), None);
        for cut in 1..good.len() {
            assert_eq!(reason(&good[..cut]), Some(Reason::Malformed), "cut at {cut}");
        }
        let mut damaged = good.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(reason(&damaged), Some(Reason::Malformed));
        let mut newer = good.clone();
        newer[5] = 99;
        assert_eq!(reason(&newer), Some(Reason::Version));
        let mut long = good;
        long[..4].copy_from_slice(&u32::try_from(MAX_FRAME_BYTES + 1).unwrap().to_le_bytes());
        assert_eq!(reason(&long), Some(Reason::Oversized));
    }
}
