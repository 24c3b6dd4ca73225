//! What the found is sorted by.

use super::lexer::{Sort, Token, tokens};
use super::parser::field;
use super::searchable::{Searchable, Sorts};
use super::tree::{Field, FieldKind, FilterError};

/// One key to sort by; what has no such value stands at the end, whatever the direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is compared.
    pub field: Field,
    /// Whether the greatest stand first.
    pub descending: bool,
}

impl Order {
    /// What `text` asks for: a field, and `ASC` or `DESC` behind it.
    ///
    /// # Errors
    /// A [`FilterError`] when it is none, or `searchable` cannot be sorted by it.
    ///
    /// ```
    /// # use gristmill_track::{FilterError, Order, Searchable};
    /// assert!(Order::parse("metrics.`test auc` DESC", &Searchable::RUNS)?.descending);
    /// assert!(Order::parse("mood", &Searchable::RUNS).is_err());
    /// # Ok::<(), FilterError>(())
    /// ```
    pub fn parse(text: &str, searchable: &Searchable) -> Result<Self, FilterError> {
        let unread =
            || FilterError::new(format!("Invalid order_by clause '{text}'. Could not be parsed."));
        let tokens = tokens(text);
        let (name, direction) = match tokens.as_slice() {
            [name] => (name, None),
            [name, direction] if direction.sort == Sort::Word => (name, Some(direction)),
            _ => return Err(unread()),
        };
        if name.sort != Sort::Word {
            return Err(unread());
        }
        let descending = match direction.map(|token| token.text.to_ascii_lowercase()).as_deref() {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => {
                let message = format!("Invalid ordering key in order_by clause '{text}'.");
                return Err(FilterError::new(message));
            }
        };
        Ok(Self { field: sorted_by(name, searchable)?, descending })
    }

    /// What `texts` ask for, in their order.
    ///
    /// # Errors
    /// As [`Order::parse`]; and when two name the same field.
    pub fn parse_all(texts: &[String], searchable: &Searchable) -> Result<Vec<Self>, FilterError> {
        let mut orders: Vec<Self> = Vec::with_capacity(texts.len());
        for text in texts {
            let order = Self::parse(text, searchable)?;
            if orders.iter().any(|known| known.field == order.field) {
                let listed: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
                return Err(FilterError::new(format!(
                    "`order_by` contains duplicate fields: [{}]",
                    listed.join(", ")
                )));
            }
            orders.push(order);
        }
        Ok(orders)
    }
}

fn sorted_by(name: &Token<'_>, searchable: &Searchable) -> Result<Field, FilterError> {
    // A whole name may stand in backticks as well: `metrics.a`.
    let inner = name.text.strip_prefix('`').and_then(|text| text.strip_suffix('`'));
    let text = inner.filter(|text| !text.contains('`')).unwrap_or(name.text);
    let (field, _) = field(text, searchable, searchable.sorted_by)?;
    match (field.kind, searchable.sorts) {
        (FieldKind::Attribute, _) => Ok(field),
        (FieldKind::Dataset, _) => {
            Err(FilterError::new(format!("Invalid identifier type '{}'", field.kind)))
        }
        (_, Sorts::Logged) => Ok(field),
        (_, Sorts::Attributes) => {
            Err(FilterError::new(format!("Invalid order_by entity: {}", field.kind)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kind: FieldKind, key: &str, descending: bool) {
        let field = Field { kind, key: key.into() };
        assert_eq!(Order::parse(text, &Searchable::RUNS), Ok(Order { field, descending }));
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        assert_eq!(Order::parse(text, &Searchable::RUNS).unwrap_err().message, message);
    }

    #[test]
    fn everything_that_is_logged_can_be_sorted_by() {
        check("metrics.a", FieldKind::Metric, "a", false);
        check("metrics.`a b` ASC", FieldKind::Metric, "a b", false);
        check("`metrics.a` desc", FieldKind::Metric, "a", true);
        check("params.\"x.y\" DESC", FieldKind::Param, "x.y", true);
        check("tags.mlflow.user", FieldKind::Tag, "mlflow.user", false);
        check("created", FieldKind::Attribute, "start_time", false);
    }

    #[test] // seen in answers of MLflow 3.17.2
    fn anything_else_is_refused_in_known_words() {
        refused("", "Invalid order_by clause ''. Could not be parsed.");
        refused("a b c", "Invalid order_by clause 'a b c'. Could not be parsed.");
        refused(
            "metrics.a, params.b",
            "Invalid order_by clause 'metrics.a, params.b'. Could not be parsed.",
        );
        refused(
            "params.a sideways",
            "Invalid ordering key in order_by clause 'params.a sideways'.",
        );
        refused("dataset.name", "Invalid identifier type 'dataset'");
    }

    #[test]
    fn a_field_is_sorted_by_once() {
        let twice = ["metrics.a".to_string(), "metrics.a DESC".to_string()];
        let error = Order::parse_all(&twice, &Searchable::RUNS).unwrap_err();
        let expected = "`order_by` contains duplicate fields: ['metrics.a', 'metrics.a DESC']";
        assert_eq!(error.message, expected);
    }
}
