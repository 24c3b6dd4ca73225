//! Where new ids come from.

use std::sync::{Mutex, PoisonError};

use ring::rand::{SecureRandom, SystemRandom};

/// Gives ids that nobody else has.
pub trait Ids: Send + Sync {
    /// A new id; nothing when none can be had now.
    fn next(&self) -> Option<[u8; 16]>;
}

/// How many ids are drawn at once: to ask the system takes longer than all else that an id needs.
const DRAWN: usize = 64;

/// Ids from the system's source of chance.
#[derive(Debug)]
pub struct RandomIds {
    source: SystemRandom,
    /// Drawn and not yet given. A process that is forked off would give the same, and there is none.
    left: Mutex<Vec<[u8; 16]>>,
}

impl RandomIds {
    /// The system's source.
    pub fn new() -> Self {
        Self { source: SystemRandom::new(), left: Mutex::default() }
    }

    fn draw(&self, left: &mut Vec<[u8; 16]>) -> Option<()> {
        let mut bytes = [0; 16 * DRAWN];
        self.source.fill(&mut bytes).ok()?;
        left.extend(bytes.as_chunks().0);
        Some(())
    }
}

impl Default for RandomIds {
    fn default() -> Self {
        Self::new()
    }
}

impl Ids for RandomIds {
    fn next(&self) -> Option<[u8; 16]> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.is_empty() {
            self.draw(&mut left)?;
        }
        left.pop()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_id_is_given_twice() {
        let ids = RandomIds::new();
        let given: HashSet<_> = (0..5 * DRAWN + 1).map(|_| ids.next().unwrap()).collect();
        assert_eq!(given.len(), 5 * DRAWN + 1);
    }
}
