//! Numbers out of texts: terms counted, weighed by how rare they are, or hashed.

mod count_words;
mod hash_text;
mod terms;
mod tfidf;
mod tokens;
mod vectorizer;
mod vocabulary;
mod weights;

pub use count_words::CountWords;
pub use hash_text::{FittedHashText, HashText};
pub use tfidf::Tfidf;
pub use tokens::{Analyzer, Case};
pub use vectorizer::FittedVectorizer;
pub use vocabulary::VocabularyLearner;
pub use weights::{Idf, TermFrequency, TermNorm};

pub(crate) use count_words::VERSION as COUNT_WORDS_VERSION;
pub(crate) use hash_text::VERSION as HASH_TEXT_VERSION;
pub(crate) use tfidf::VERSION as TFIDF_VERSION;
