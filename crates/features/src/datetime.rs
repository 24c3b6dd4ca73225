//! The parts of moments: year, month, weekday, hour and so on, as numbers or as points of a circle.
//! Method of the calendar: Howard Hinnant, *chrono-Compatible Low-Level Date Algorithms*, 2013.

use std::f64::consts::{FRAC_PI_2, TAU};
use std::sync::Arc;

use gristmill_core::graph::{Calendar, Graph, Value, Wire};
use gristmill_core::{
    Column, Error, Field, FitContext, FittedTransform, Frame, Load, MISSING_TIME, Result, Role,
    Schema, Selector, SemanticType, Signature, State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Moment, Part};
use crate::columns;
use crate::wires;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "datetime";

/// Takes moments apart: each part of `parts` becomes a column `<column>_<part>`, each of `cyclic`
/// the two columns `<column>_<part>_sin` and `<column>_<part>_cos`.
///
/// Moments are microseconds since 1970-01-01 in UTC, on the Gregorian calendar; no other time zone
/// is looked at. Numbers are those of pandas: months, quarters and days from 1, Monday is weekday 0,
/// weeks are those of ISO 8601, truths are 0 and 1. A part p that runs through n values comes back
/// to its start on a circle: sin(2π p / n) and cos(2π p / n), p from 0; n is 4 quarters, 12 months,
/// 7 weekdays, 24 hours, 60 minutes or seconds, and the days of that month, the days of that year
/// and the weeks of that ISO year. So December lies beside January, which no number says.
///
/// The new columns stand where the old one stood, which is left out, unless it orders rows or names
/// groups: then it stays before them. A missing moment has missing parts. Row-wise; learns nothing.
///
/// # Errors
/// A column that holds no moments; no part at all, a part twice, or a `cyclic` part that does not
/// come back, such as a year; a name that is taken.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::Datetime;
/// # use gristmill_testkit::table;
/// let rows = table().times("at", [951_782_400_000_000]).frame(); // 2000-02-29
/// let notes = Notes::default();
/// let (_, taken) = Datetime::default().fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(taken.schema().names(), ["at_year", "at_month", "at_day", "at_weekday", "at_hour"]);
/// assert_eq!((taken.numbers(0)?[0], taken.numbers(3)?[0]), (2000.0, 1.0)); // a Tuesday
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Datetime {
    /// Which columns; all moments that are features unless said otherwise.
    pub columns: Selector,
    /// Which parts become numbers, in this order.
    pub parts: Vec<Part>,
    /// Which parts become a sine and a cosine, in this order, after the numbers.
    pub cyclic: Vec<Part>,
}

impl Default for Datetime {
    fn default() -> Self {
        Self {
            columns: Selector::word("datetime"),
            parts: vec![Part::Year, Part::Month, Part::Day, Part::Weekday, Part::Hour],
            cyclic: Vec::new(),
        }
    }
}

impl Datetime {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        self.check_parts()?;
        columns::taken(&self.columns, input, moments)
    }

    fn check_parts(&self) -> Result<()> {
        if self.parts.is_empty() && self.cyclic.is_empty() {
            return Err(Error::setting(
                "parts",
                "empty",
                "one part or more, or some `cyclic` ones",
            ));
        }
        for (name, parts) in [("parts", &self.parts), ("cyclic", &self.cyclic)] {
            let twice = parts.iter().enumerate().find(|(at, part)| parts[..*at].contains(part));
            if let Some((_, part)) = twice {
                return Err(Error::setting(name, format!("`{}` twice", part.word()), "each once"));
            }
        }
        match self.cyclic.iter().find(|part| !part.is_cyclic()) {
            Some(part) => Err(Error::setting(
                "cyclic",
                format!("`{}`", part.word()),
                "parts that come back: quarter, month, week, day, day_of_year, weekday, hour, \
                 minute, second",
            )),
            None => Ok(()),
        }
    }

    fn fields(&self, field: &Field) -> Vec<Field> {
        let make = |name: String| {
            let mut made = Field::number(name).nullable(field.nullable);
            made.expands = field.expands;
            made
        };
        let numbers = self.parts.iter().map(|part| format!("{}_{}", field.name, part.word()));
        let circles = self.cyclic.iter().flat_map(|part| {
            ["sin", "cos"].map(|side| format!("{}_{}_{side}", field.name, part.word()))
        });
        let kept = (field.role != Role::Feature).then(|| field.clone());
        kept.into_iter().chain(numbers.chain(circles).map(make)).collect()
    }

    fn output(&self, input: &Schema, positions: &[usize]) -> Result<Schema> {
        columns::spliced(input, |at, field| {
            if positions.binary_search(&at).is_ok() {
                self.fields(field)
            } else {
                vec![field.clone()]
            }
        })
    }

    fn take_apart(&self, times: &[i64]) -> Vec<Column> {
        let mut numbers = vec![Vec::with_capacity(times.len()); self.parts.len()];
        let mut circles = vec![Vec::with_capacity(times.len()); 2 * self.cyclic.len()];
        for &time in times {
            let moment = (time != MISSING_TIME).then(|| Moment::new(time));
            for (&part, values) in self.parts.iter().zip(&mut numbers) {
                values.push(moment.as_ref().map_or(f64::NAN, |m| m.number(part)));
            }
            for (&part, sides) in self.cyclic.iter().zip(circles.chunks_exact_mut(2)) {
                let angle = moment.as_ref().map_or(f64::NAN, |m| m.turn(part) * TAU);
                let (sin, cos) = angle.sin_cos();
                sides[0].push(sin);
                sides[1].push(cos);
            }
        }
        numbers.into_iter().chain(circles).map(Column::Numbers).collect()
    }

    fn express(&self, graph: &Graph, moments: Value) -> Vec<Wire> {
        let calendar = Calendar::of(graph, moments);
        let missing = graph.is_missing(moments);
        let known = |value| graph.choose(missing, graph.number(f64::NAN), value).wire();
        let numbers = self.parts.iter().map(|part| known(part.express(graph, &calendar)));
        let circles = self.cyclic.iter().flat_map(|part| {
            let angle = graph.multiply(part.express_turn(graph, &calendar), graph.number(TAU));
            // Not every runtime has the cosine of 64-bit floats.
            let ahead = graph.add(angle, graph.number(FRAC_PI_2));
            [angle, ahead].map(|angle| known(graph.sin(angle)))
        });
        numbers.chain(circles).collect()
    }
}

fn moments(field: &Field) -> Result<()> {
    if field.semantic == SemanticType::Datetime {
        return Ok(());
    }
    Err(Error::WrongType {
        name: field.name.clone(),
        found: field.semantic,
        expected: "datetime",
        hint: Some(format!(
            "if it holds moments, type it with `types: {{{}: datetime}}`",
            field.name
        )),
    })
}

impl Transform for Datetime {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        self.output(input, &self.positions(input)?)
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let positions = self.positions(train.schema())?;
        let names = columns::names(train.schema(), &positions);
        let fitted = FittedDatetime::new(train.schema(), names, self.clone())?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// [`Datetime`] with its columns resolved.
#[derive(Clone, Debug)]
pub struct FittedDatetime {
    signature: Signature,
    facts: Facts,
    plan: Vec<Option<()>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    settings: Datetime,
}

impl FittedDatetime {
    fn new(input: &Arc<Schema>, columns: Vec<String>, settings: Datetime) -> Result<Self> {
        settings.check_parts()?;
        let positions = columns::stored(KIND, &columns, input, moments)?;
        let output = settings.output(input, &positions)?;
        Ok(Self {
            signature: Signature::new(KIND, input, output),
            plan: columns::plan(input.len(), &positions, positions.iter().map(|_| ())),
            facts: Facts { columns, settings },
        })
    }
}

impl FittedTransform for FittedDatetime {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let fields = self.signature.input.fields();
        columns::replaced(rows, &self.signature.output, |at, column| {
            let (Some(Some(())), Column::Times(times)) = (self.plan.get(at), &column) else {
                return Ok(vec![column]);
            };
            let parts = self.facts.settings.take_apart(times);
            let kept = (fields[at].role != Role::Feature).then_some(column);
            Ok(kept.into_iter().chain(parts).collect())
        })
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn express(&self, graph: &Graph, columns: &[Wire]) -> Result<Vec<Wire>> {
        let fields = self.signature.input.fields();
        wires::replaced(columns, &self.plan, |at, (), column| {
            let parts = self.facts.settings.express(graph, graph.single(column));
            let kept = (fields[at].role != Role::Feature).then_some(column);
            Ok(kept.into_iter().chain(parts).collect())
        })
    }

    fn state(&self) -> State {
        State::new(&self.facts)
    }
}

impl Load for FittedDatetime {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        Self::new(input, facts.columns, facts.settings)
            .map_err(|e| Error::damaged(format!("stored `{KIND}`"), e.to_string()))
    }
}
