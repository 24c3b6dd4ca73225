//! Reading the numbers of many trees out of one tensor.

use gristmill_core::{Error, Result};

/// A tensor that is handed out piece by piece.
pub(crate) struct Slices<'a, T> {
    what: &'static str,
    left: &'a [T],
}

impl<'a, T> Slices<'a, T> {
    /// The tensor called `what`, from its start.
    pub(crate) fn new(what: &'static str, tensor: &'a [T]) -> Self {
        Self { what, left: tensor }
    }

    /// The next numbers.
    ///
    /// # Errors
    /// [`Error::Damaged`] when there are fewer.
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [T]> {
        let (piece, left) = self.left.split_at_checked(count).ok_or_else(|| {
            Error::damaged(format!("tensor `{}`", self.what), "it is shorter than it should be")
        })?;
        self.left = left;
        Ok(piece)
    }

    /// Refuses a tensor of which something is left.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub(crate) fn end(&self) -> Result<()> {
        if self.left.is_empty() {
            return Ok(());
        }
        Err(Error::damaged(format!("tensor `{}`", self.what), "it is longer than it should be"))
    }
}
