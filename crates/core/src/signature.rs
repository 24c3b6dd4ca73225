//! What goes into a fitted transform and what comes out.

use std::sync::Arc;

use crate::{Error, Frame, Result, Schema};

/// The name of a fitted transform in the catalog, the columns it takes and the columns it gives.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The transform's name in the catalog.
    pub kind: &'static str,
    /// The columns that it takes.
    pub input: Arc<Schema>,
    /// The columns that it gives.
    pub output: Arc<Schema>,
}

impl Signature {
    /// The signature of a transform that was learned from rows like `input`.
    pub fn new(kind: &'static str, input: &Arc<Schema>, output: Schema) -> Self {
        Self { kind, input: Arc::clone(input), output: Arc::new(output) }
    }

    /// Refuses rows that do not look like those that were learned from.
    ///
    /// # Errors
    /// [`Error::MissingColumn`]; [`Error::WrongType`]; [`Error::Data`] for columns that are too
    /// many or in another order.
    pub fn require(&self, rows: &Frame) -> Result<()> {
        let given = rows.schema();
        let (input, kind) = (&self.input, self.kind);
        if Arc::ptr_eq(input, given) || self.takes(given) {
            return Ok(());
        }
        for field in input.fields() {
            let found = given.field(&field.name)?;
            if found.semantic != field.semantic {
                return Err(Error::WrongType {
                    name: field.name.clone(),
                    found: found.semantic,
                    expected: field.semantic.word(),
                    hint: Some("give it the type that it had in training".into()),
                });
            }
        }
        Err(Error::data_hint(
            format!("step `{kind}` was given other columns than it has learned from"),
            format!("give it exactly {}, in this order", input.names().join(", ")),
        ))
    }

    fn takes(&self, given: &Schema) -> bool {
        let pairs = || self.input.fields().iter().zip(given.fields());
        self.input.len() == given.len()
            && pairs().all(|(a, b)| a.semantic == b.semantic && a.name == b.name)
    }
}
