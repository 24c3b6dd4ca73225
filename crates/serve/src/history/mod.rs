//! Rows before those that are asked about, for models that look at earlier rows of a group: lags, rolling
//! figures. They come with the request, or from a buffer that keeps the latest rows of each group.
//!
//! The answer to a row is the one that `predict` gives to a file of those rows followed by it.

mod buffer;
mod group;
mod layout;
mod windows;

use std::ops::Range;
use std::sync::Arc;

use gristmill_core::{FittedPipeline, Frame, FrameBuilder, FrameInput};
use serde::Deserialize;

pub use self::buffer::HistoryFigures;
use self::buffer::{Buffer, Sent};
use self::layout::Layout;
use self::windows::Windows;
use crate::{Refusal, Result};

/// Where the rows before those that are asked about come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryFrom {
    /// From the buffer, which keeps the rows of the request too.
    Buffer,
    /// From the request alone; nothing is kept.
    Request,
}

/// What a request says of its history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recall {
    /// Where it comes from; where nothing is said from the request if that brings some, else from the
    /// buffer.
    pub from: Option<HistoryFrom>,
    /// How many of the first rows are history.
    pub rows: Option<usize>,
}

impl Recall {
    /// What the query of an address says: `history=buffer`, `history=request`, `history_rows=30`. Other keys
    /// are left aside.
    ///
    /// # Errors
    /// [`Refusal::Bad`] for another word, and for what is no number.
    pub fn of_query(query: &str) -> Result<Self> {
        let mut recall = Self::default();
        for pair in query.split('&') {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("history", "buffer") => recall.from = Some(HistoryFrom::Buffer),
                ("history", "request") => recall.from = Some(HistoryFrom::Request),
                ("history", other) => {
                    return Err(Refusal::bad(format!(
                        "`history={other}` is unknown; give `buffer` or `request`"
                    )));
                }
                ("history_rows", rows) => {
                    recall.rows = Some(rows.parse().map_err(|_| {
                        Refusal::bad(format!("`history_rows={rows}` does not count rows"))
                    })?);
                }
                _ => {}
            }
        }
        Ok(recall)
    }

    /// The same where it says something, else what `other` says.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { from: self.from.or(other.from), rows: self.rows.or(other.rows) }
    }
}

/// Rows that a model is asked about, behind those that are only their history.
#[derive(Clone, Debug)]
pub struct Question {
    rows: Frame,
    history: usize,
    from: HistoryFrom,
}

impl Question {
    /// A question about rows of which the first ones are history as `recall` says.
    ///
    /// # Errors
    /// [`Refusal::Bad`] when more rows are said to be history than there are.
    pub fn new(rows: Frame, recall: Recall) -> Result<Self> {
        let history = recall.rows.unwrap_or(0);
        if history > rows.rows() {
            let have = rows.rows();
            return Err(Refusal::bad(format!(
                "`history_rows` is {history}, and the request has {have} rows"
            )));
        }
        let usual = if history > 0 { HistoryFrom::Request } else { HistoryFrom::Buffer };
        Ok(Self { rows, history, from: recall.from.unwrap_or(usual) })
    }

    /// The same about `rows`, with a history of their own before them.
    ///
    /// # Errors
    /// [`Refusal::Bad`] when some of `rows` are said to be history, too.
    pub(crate) fn with_history(history: &Frame, rows: &Frame, recall: Recall) -> Result<Self> {
        if recall.rows.is_some() {
            return Err(Refusal::bad("there are both `history` and `history_rows`; give one"));
        }
        let from = Some(recall.from.unwrap_or(HistoryFrom::Request));
        let leading = Recall { from, rows: Some(history.rows()) };
        Self::new(layout::stacked(history, rows)?, leading)
    }

    /// How many rows are asked about.
    pub fn asked(&self) -> usize {
        self.rows.rows() - self.history
    }

    /// A copy of the rows that are asked about.
    pub fn asked_rows(&self) -> Frame {
        match self.history {
            0 => self.rows.clone(),
            history => self.rows.slice(history..self.rows.rows()),
        }
    }

    /// The rows that are asked about, alone.
    pub fn into_asked(self) -> Frame {
        match self.history {
            0 => self.rows,
            history => self.rows.slice(history..self.rows.rows()),
        }
    }
}

/// How much a buffer keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimits {
    /// How many rows of a group at most, where somebody said it: models that look at all rows of a
    /// group are served from a buffer only then, and look at so many.
    pub rows: Option<usize>,
    /// How many groups; the one that was not asked about for longest goes first.
    pub groups: usize,
    /// How many bytes, all groups together.
    pub bytes: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self { rows: None, groups: 100_000, bytes: 256 << 20 }
    }
}

impl HistoryLimits {
    /// How many rows of a group where nobody said it.
    const ROWS: usize = 10_000;

    fn most_rows(&self) -> usize {
        self.rows.unwrap_or(Self::ROWS)
    }
}

/// What a model knows of rows before those that it is asked about.
pub(crate) enum History {
    /// It looks at no other row.
    RowWise,
    /// It looks at rows that a buffer keeps.
    Kept(Kept),
    /// It looks at rows that no buffer can keep, and why.
    Unkept(String),
}

/// A buffer, and how far back the model looks into it.
pub(crate) struct Kept {
    buffer: Arc<Buffer>,
    windows: Windows,
}

/// Rows on their way through a pipeline.
pub(crate) struct Recalled<'a> {
    /// Those that are asked about, behind their history.
    pub rows: Frame,
    /// Which of them are asked about.
    pub asked: Range<usize>,
    /// What is kept of them once the model has taken them.
    pub keep: Keep<'a>,
}

/// Rows that are to be kept, if any are.
pub(crate) struct Keep<'a>(Option<(&'a Buffer, Sent)>);

impl Keep<'_> {
    /// Keeps them.
    pub fn keep(self) {
        if let Some((buffer, sent)) = self.0 {
            buffer.keep(&sent);
        }
    }
}

impl History {
    /// What there is to know for a pipeline that takes such rows.
    pub fn of(pipeline: &FittedPipeline, input: &FrameInput, limits: HistoryLimits) -> Self {
        if !pipeline.is_windowed() {
            return Self::RowWise;
        }
        match kept(pipeline, input, limits) {
            Ok(kept) => Self::Kept(kept),
            Err(why) => Self::Unkept(why),
        }
    }

    /// The same with the rows that another version has kept, where they fit.
    pub fn after(self, before: &Self) -> Self {
        match (self, before) {
            (Self::Kept(own), Self::Kept(before)) => {
                let buffer = own.buffer.after(&before.buffer, &own.windows);
                Self::Kept(Kept { buffer, windows: own.windows })
            }
            (own, _) => own,
        }
    }

    /// The rows that the answers depend on.
    ///
    /// # Errors
    /// [`Refusal::Bad`] when they are not known any more, or cannot be kept; [`Refusal::TooLarge`] when
    /// all of them together have more than `cells` values.
    pub fn recall(&self, question: Question, cells: usize) -> Result<Recalled<'_>> {
        let alone = |rows: Frame, history: usize| {
            let asked = history..rows.rows();
            Recalled { rows, asked, keep: Keep(None) }
        };
        match (self, question.from) {
            (Self::RowWise, _) => Ok(alone(question.into_asked(), 0)),
            (_, HistoryFrom::Request) => Ok(alone(question.rows, question.history)),
            (Self::Unkept(why), HistoryFrom::Buffer) => Err(Refusal::bad(format!(
                "the model looks at earlier rows, and none are kept for it: {why}; give them as `history`, \
                 or say `\"history\": \"request\"` to go by the rows of the request alone"
            ))),
            (Self::Kept(kept), HistoryFrom::Buffer) => {
                let (rows, history) = (&question.rows, question.history);
                let sent = kept.buffer.sent(rows)?;
                let before = kept.buffer.before(&sent, history, &kept.windows)?;
                let all = before.len() + rows.rows();
                if all.saturating_mul(rows.schema().len()) > cells {
                    return Err(Refusal::TooLarge(format!(
                        "with the rows before them the rows of the request are {all}, more than can be \
                         looked at together; send fewer"
                    )));
                }
                let rows = layout::joined(&before, rows)?;
                let asked = before.len() + history..all;
                Ok(Recalled { rows, asked, keep: Keep(Some((&kept.buffer, sent))) })
            }
        }
    }

    /// What is kept; nothing where no buffer is needed or possible.
    pub fn figures(&self) -> Option<HistoryFigures> {
        match self {
            Self::Kept(kept) => Some(kept.buffer.figures()),
            Self::RowWise | Self::Unkept(_) => None,
        }
    }
}

/// A buffer for a pipeline, or why there can be none.
fn kept(
    pipeline: &FittedPipeline,
    input: &FrameInput,
    limits: HistoryLimits,
) -> Result<Kept, String> {
    let windows = Windows::of(pipeline, limits)?;
    let empty = FrameBuilder::new(input).finish().map_err(|error| error.to_string())?;
    let layout = Layout::new(empty.schema(), &windows)?;
    let buffer = Arc::new(Buffer::new(layout, limits, windows.clone()));
    Ok(Kept { buffer, windows })
}
