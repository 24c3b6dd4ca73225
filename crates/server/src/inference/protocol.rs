//! A protocol in which a question is asked.

use gristmill_serve::{Answers, Question, Refusal, Served};

/// A question in the words of a protocol. It can be put to any version of a model: each reads the rows
/// by its own columns.
pub(super) trait Protocol: Send + Sync + 'static {
    /// What is asked beside the rows.
    type More: Send + 'static;
    /// The answer in the words of the protocol.
    type Answer: Send + 'static;

    /// What a body of the request asks this version.
    fn read(&self, served: &Served, body: &[u8]) -> Result<(Question, Self::More), Refusal>;

    /// Whether bodies are packed, so that a short one may hold much.
    fn is_packed(&self) -> bool {
        false
    }

    /// Whether nothing but the answers is asked for, so that they may be given together with those to others.
    fn is_plain(&self, _: &Self::More) -> bool {
        true
    }

    /// What the version answers.
    fn answer(&self, served: &Served, rows: Question, _: &Self::More) -> Result<Answers, Refusal> {
        served.answer(rows)
    }

    /// The answer in the words of the protocol.
    fn write(
        &self,
        served: &Served,
        answers: &Answers,
        more: Self::More,
    ) -> Result<Self::Answer, Refusal>;
}
