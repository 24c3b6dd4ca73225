//! Words that come one at a time, on their way into a column.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{MISSING_CODE, Words};

/// Up to so many words are found sooner by looking at each.
const FEW: usize = 8;
/// From so many codes on a dictionary is translated once, and not word by word.
const MANY: usize = 8;

/// Words with their codes, in the order of appearance.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    codes: Vec<u32>,
    dictionary: Vec<String>,
    places: HashMap<String, u32>,
}

impl Vocabulary {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    pub fn push_missing(&mut self) {
        self.codes.push(MISSING_CODE);
    }

    pub fn push(&mut self, word: &str) {
        let code = self.code(word);
        self.codes.push(code);
    }

    /// All values of another column.
    pub fn extend(&mut self, words: &Words) {
        if words.codes.len() < MANY {
            return words.iter().for_each(|word| match word {
                Some(word) => self.push(word),
                None => self.push_missing(),
            });
        }
        // A word that no row uses is not to be found here either.
        let mut here = vec![MISSING_CODE; words.dictionary.len()];
        for &code in &words.codes {
            let Some(word) = words.dictionary.get(code as usize) else {
                self.push_missing();
                continue;
            };
            if here[code as usize] == MISSING_CODE {
                here[code as usize] = self.code(word);
            }
            self.codes.push(here[code as usize]);
        }
    }

    pub fn finish(self) -> Words {
        Words { codes: self.codes, dictionary: Arc::new(self.dictionary) }
    }

    fn code(&mut self, word: &str) -> u32 {
        let found = if self.dictionary.len() <= FEW {
            self.dictionary.iter().position(|known| known == word).map(|at| at as u32)
        } else {
            self.places.get(word).copied()
        };
        found.unwrap_or_else(|| self.add(word))
    }

    fn add(&mut self, word: &str) -> u32 {
        let code = self.dictionary.len() as u32;
        self.dictionary.push(word.to_owned());
        if self.dictionary.len() == FEW + 1 {
            self.places = self.dictionary.iter().cloned().zip(0..).collect();
        } else if self.dictionary.len() > FEW {
            self.places.insert(word.to_owned(), code);
        }
        code
    }
}
