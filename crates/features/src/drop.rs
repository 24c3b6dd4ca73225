//! Leaves columns out.

use std::borrow::Cow;
use std::sync::Arc;

use gristmill_core::graph::{Graph, Wire};
use gristmill_core::{
    FitContext, FittedTransform, Frame, Load, Result, Schema, Selector, Signature, State, Transform,
};
use schemars::{JsonSchema, Schema as JsonSchemaValue, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::columns;
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "drop";

/// Leaves columns out. A pipeline file may give the columns alone: `drop: [a, b]`.
///
/// # Errors
/// A column that does not exist; a selector that selects nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drop {
    /// Which columns.
    pub columns: Selector,
}

impl Drop {
    /// Leaves out these columns.
    pub fn new(columns: impl Into<Selector>) -> Self {
        Self { columns: columns.into() }
    }
}

/// The long form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Which columns to leave out.
    columns: Selector,
}

impl<'de> Deserialize<'de> for Drop {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(input)?;
        let bare = value.as_object().is_none_or(|o| o.contains_key("except"));
        let columns = if bare {
            Selector::deserialize(value)
        } else {
            Settings::deserialize(value).map(|s| s.columns)
        };
        Ok(Self { columns: columns.map_err(de::Error::custom)? })
    }
}

impl JsonSchema for Drop {
    fn schema_name() -> Cow<'static, str> {
        "Drop".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> JsonSchemaValue {
        let settings = Settings::json_schema(generator);
        let bare = generator.subschema_for::<Selector>();
        json_schema!({
            "description": "Leaves columns out: a selector alone, or {columns: selector}.",
            "anyOf": [bare, settings]
        })
    }
}

impl Transform for Drop {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        let dropped = columns::taken(&self.columns, input, |_| Ok(()))?;
        Ok(without(input, &dropped))
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let dropped = columns::taken(&self.columns, train.schema(), |_| Ok(()))?;
        let fitted = FittedDrop::new(train.schema(), &dropped);
        let rows = fitted.apply(train)?;
        Ok((Box::new(fitted), rows))
    }
}

fn without(input: &Schema, dropped: &[usize]) -> Schema {
    let kept: Vec<usize> =
        (0..input.len()).filter(|at| dropped.binary_search(at).is_err()).collect();
    input.select(&kept)
}

/// Which columns [`Drop`] leaves out.
#[derive(Clone, Debug)]
pub struct FittedDrop {
    signature: Signature,
    columns: Vec<String>,
    plan: Vec<Option<()>>,
}

impl FittedDrop {
    fn new(input: &Arc<Schema>, dropped: &[usize]) -> Self {
        Self {
            signature: Signature::new(KIND, input, without(input, dropped)),
            columns: columns::names(input, dropped),
            plan: columns::plan(input.len(), dropped, dropped.iter().map(|_| ())),
        }
    }

    /// The columns that are left out.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
}

impl FittedTransform for FittedDrop {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let count = rows.rows();
        let kept = rows.into_columns().into_iter().zip(&self.plan);
        let kept = kept.filter_map(|(column, dropped)| dropped.is_none().then_some(column));
        Frame::new(Arc::clone(&self.signature.output), kept.collect(), count)
    }

    fn express(&self, _graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        Ok(wires::kept(self, columns, &wires::planned(&self.plan)))
    }

    fn state(&self) -> State {
        State::new(&Facts { columns: self.columns.clone() })
    }
}

impl Load for FittedDrop {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        let dropped = columns::stored(KIND, &facts.columns, input, |_| Ok(()))?;
        Ok(Self::new(input, &dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(spelled: Value, expected: Selector) {
        assert_eq!(serde_json::from_value::<Drop>(spelled).unwrap(), Drop { columns: expected });
    }

    #[test]
    fn columns_may_stand_alone() {
        check(json!(["a", "b"]), ["a", "b"].into());
        check(json!("a"), "a".into());
        check(json!({"except": ["a"]}), Selector::Except(vec!["a".into()]));
        check(json!({"columns": ["a", "b"]}), ["a", "b"].into());
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = serde_json::from_value::<Drop>(json!({"colums": ["a"]})).unwrap_err();
        assert!(error.to_string().contains("unknown field `colums`"), "{error}");
    }
}
