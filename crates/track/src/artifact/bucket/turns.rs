//! One at a time for each content: many may ask for what has no copy yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::ContentHash;

/// How many turns are kept before those are forgotten that nobody waits for.
const MOST: usize = 1_000;

/// Who takes turns at what.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<ContentHash, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// The lock that everybody takes who is at this content.
    pub fn of(&self, hash: ContentHash) -> Arc<tokio::sync::Mutex<()>> {
        // Whatever another thread left in the middle is a lock that is there or is not.
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&hash).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= MOST {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        turns.insert(hash, Arc::downgrade(&turn));
        turn
    }
}
