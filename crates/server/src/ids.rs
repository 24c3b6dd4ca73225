//! Where new ids come from.

use ring::rand::{SecureRandom, SystemRandom};

/// Gives ids that nobody else has.
pub trait Ids: Send + Sync {
    /// A new id; nothing when none can be had now.
    fn next(&self) -> Option<[u8; 16]>;
}

/// Ids from the system's source of chance.
#[derive(Debug)]
pub struct RandomIds(SystemRandom);

impl RandomIds {
    /// The system's source.
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Default for RandomIds {
    fn default() -> Self {
        Self::new()
    }
}

impl Ids for RandomIds {
    fn next(&self) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        self.0.fill(&mut bytes).ok().map(|()| bytes)
    }
}
