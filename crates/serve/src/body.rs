//! The rows of a body of JSON, and those that are only their history.

use std::borrow::Cow;
use std::fmt;

use gristmill_core::Frame;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::rows::{Reading, Rows, Split};
use crate::{Question, Recall, Refusal, Result, Served};

/// The keys under which rows stand.
pub(crate) const SHAPES: [&str; 4] =
    ["dataframe_split", "dataframe_records", "instances", "inputs"];

/// The rows of a body on their way into frames.
pub(crate) struct Body<'a> {
    pub rows: Reading<'a>,
    history: Reading<'a>,
    has_history: bool,
}

impl<'a> Body<'a> {
    pub fn new(served: &'a Served) -> Self {
        Self { rows: Reading::new(served), history: Reading::new(served), has_history: false }
    }

    /// Whether there was a history.
    pub fn has_history(&self) -> bool {
        self.has_history
    }

    /// Where the rows of the history go.
    pub fn history<E: serde::de::Error>(&mut self) -> Result<HistoryRows<'_, 'a>, E> {
        match std::mem::replace(&mut self.has_history, true) {
            false => Ok(HistoryRows(&mut self.history)),
            true => Err(E::custom("`history` stands there twice")),
        }
    }

    /// Why the body was refused: by us, or else by the reader of JSON.
    pub fn refusal(mut self, error: &serde_json::Error) -> Refusal {
        match self.history.take_refused() {
            Some(refused) => of_history(refused),
            None => self.rows.refusal(error),
        }
    }

    /// The question that the body asks.
    ///
    /// # Errors
    /// As [`gristmill_core::FrameBuilder::finish`] and [`Question::new`].
    pub fn question(self, recall: Recall) -> Result<Question> {
        let history: Option<Frame> = match self.has_history {
            true => Some(self.history.builder.finish().map_err(|error| of_history(error.into()))?),
            false => None,
        };
        let rows = self.rows.builder.finish()?;
        match history {
            Some(history) => Question::with_history(&history, &rows, recall),
            None => Question::new(rows, recall),
        }
    }
}

/// A refusal that counts rows of the history.
fn of_history(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Bad(message) => Refusal::Bad(format!("in the history: {message}")),
        other => other,
    }
}

/// Rows of the history: a list of rows, or an object as a body is, with one of its keys.
pub(crate) struct HistoryRows<'r, 'a>(&'r mut Reading<'a>);

impl<'de> DeserializeSeed<'de> for HistoryRows<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, given: D) -> Result<(), D::Error> {
        given.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for HistoryRows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of rows, or an object with them under one of {}", SHAPES.join(", "))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, rows: A) -> Result<(), A::Error> {
        Rows(self.0).visit_seq(rows)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = parts.next_key::<Cow<'_, str>>()? {
            if std::mem::replace(&mut found, true) {
                return Err(A::Error::custom(format!(
                    "`history` has rows and `{key}`; give one key"
                )));
            }
            match key.as_ref() {
                "dataframe_split" => parts.next_value_seed(Split(self.0))?,
                other if SHAPES.contains(&other) => parts.next_value_seed(Rows(self.0))?,
                other => {
                    return Err(A::Error::custom(format!(
                        "`{other}` is unknown in `history`; rows stand under one of {}",
                        SHAPES.join(", ")
                    )));
                }
            }
        }
        match found {
            true => Ok(()),
            false => Err(A::Error::custom("`history` is empty; leave it out, or give it rows")),
        }
    }
}
