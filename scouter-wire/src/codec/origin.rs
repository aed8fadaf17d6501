//! Who sent a frame, and in whose numbers it speaks.

use super::DecodeError;
use super::bytes::Reader;

/// Identity of one collector store (one data folder), made when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StoreId(pub u128);

/// Identity of one run of an agent: random, made when the process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct InstanceId(pub u128);

/// Stands at the head of every frame that a store keeps, so that the frame can be read from a
/// write-ahead log without the connection it came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// The store whose text numbers, hash seed and object number the frame uses.
    pub store: StoreId,
    /// The agent. With the epoch and the frame's seq it identifies the frame for ever.
    pub instance: InstanceId,
    /// Grows whenever the agent begins its sequence at 1 again.
    pub epoch: u64,
    /// The number that store gave to the object; 0 when it is not known yet.
    pub object: u32,
}

impl Origin {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.store.0.to_le_bytes());
        out.extend_from_slice(&self.instance.0.to_le_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&self.object.to_le_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            store: StoreId(reader.u128("store id")?),
            instance: InstanceId(reader.u128("instance id")?),
            epoch: reader.u64("epoch")?,
            object: reader.u32("object id")?,
        })
    }
}
