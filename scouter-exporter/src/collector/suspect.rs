//! Finds the frame that no collector survives, so that it does not hold up all others for ever.

/// How often a connection may end over the same frame, without anything acknowledged in between,
/// before the frame is set aside: counted as `unsendable` and as `exporter_frames_set_aside`, and
/// named once.
pub const MAX_FRAME_KILLS: u32 = 5;

/// The frame that is suspected: the first one that was under way when a connection ended.
///
/// While there is one, frames go one at a time, so that the blame falls on the right one.
#[derive(Debug, Default)]
pub(crate) struct Suspect(Option<(u64, u32)>);

impl Suspect {
    /// A connection ended over this frame; whether that was once too often.
    pub(crate) fn blame(&mut self, seq: u64) -> bool {
        let kills = match self.0 {
            Some((suspected, kills)) if suspected == seq => kills + 1,
            _ => 1,
        };
        self.0 = Some((seq, kills));
        kills >= MAX_FRAME_KILLS
    }

    /// Something was acknowledged.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }

    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_frame_again_and_again_is_blamed() {
        let mut suspect = Suspect::default();
        for seq in [1, 2, 1, 2, 1] {
            assert!(!suspect.blame(seq));
        }
        for _ in 1..MAX_FRAME_KILLS - 1 {
            assert!(!suspect.blame(1));
        }
        assert!(suspect.blame(1));
        suspect.clear();
        assert!(!suspect.is_some() && !suspect.blame(1));
    }
}
