//! What a table looks like to somebody who is about to choose steps for it: `init` and `model: auto`.

use gristmill_core::{PhysicalType, Profile, Role, Schema, SemanticType, Summary, Table};

use crate::Result;

/// What the columns of some rows are like.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub rows: usize,
    pub columns: Vec<Seen>,
}

/// What is known of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub name: String,
    pub meaning: SemanticType,
    pub role: Role,
    /// Whether values are missing, or may be where nobody has looked.
    pub missing: bool,
    /// How many different values there are; nothing where nobody has looked.
    pub distinct: Option<u64>,
    /// Whether most of the range of its numbers holds few of them.
    pub skewed: bool,
    /// From when to when its moments are, in seconds.
    pub span: Option<f64>,
    /// Whether its moments have a time of day.
    pub timed: bool,
    /// Whether it stands for columns that only fitting can name.
    pub expands: bool,
}

impl Look {
    /// A look at all rows of a table.
    ///
    /// # Errors
    /// Never for a table that keeps its own promises.
    pub fn at(table: &Table) -> Result<Self> {
        let profile = Profile::learn(table)?;
        let fields = table.schema().fields().iter().zip(&profile.columns);
        let columns = fields.map(|(field, seen)| Seen {
            name: field.name.clone(),
            meaning: field.semantic,
            role: field.role,
            missing: seen.missing > 0,
            distinct: distinct(&seen.summary),
            skewed: is_skewed(&seen.summary),
            span: span(&seen.summary),
            timed: field.physical == PhysicalType::Timestamp,
            expands: false,
        });
        Ok(Self { rows: table.rows(), columns: columns.collect() })
    }

    /// What is known of the columns once some transforms have made `schema` of them: of a column that
    /// is still there what it was, of a new one what its field says.
    #[must_use]
    pub fn after(&self, schema: &Schema) -> Self {
        let columns = schema.fields().iter().map(|field| {
            let known = self.columns.iter().find(|seen| {
                seen.name == field.name && seen.meaning == field.semantic && !field.expands
            });
            match known {
                Some(seen) => Seen {
                    missing: seen.missing && field.nullable,
                    role: field.role,
                    ..seen.clone()
                },
                None => Seen {
                    name: field.name.clone(),
                    meaning: field.semantic,
                    role: field.role,
                    missing: field.nullable,
                    distinct: None,
                    skewed: false,
                    span: None,
                    timed: field.physical == PhysicalType::Timestamp,
                    expands: field.expands,
                },
            }
        });
        Self { rows: self.rows, columns: columns.collect() }
    }

    /// The columns that a model may see and that mean this.
    pub fn of(&self, meaning: SemanticType) -> impl Iterator<Item = &Seen> {
        self.columns.iter().filter(move |c| c.role == Role::Feature && c.meaning == meaning)
    }

    /// Their names.
    pub fn named(&self, meaning: SemanticType) -> Vec<String> {
        self.of(meaning).map(|column| column.name.clone()).collect()
    }
}

fn distinct(summary: &Summary) -> Option<u64> {
    match summary {
        Summary::Numbers(numbers) => Some(numbers.distinct),
        Summary::Words(words) => Some(words.distinct),
        Summary::Text { distinct, .. } => Some(*distinct),
        Summary::Images { .. } | Summary::Times { .. } | Summary::Opaque => None,
    }
}

fn span(summary: &Summary) -> Option<f64> {
    match summary {
        Summary::Times { min: Some(min), max: Some(max) } => Some((max - min) as f64 / 1e6),
        _ => None,
    }
}

/// Whether one of the tails is four times as long as the middle half is wide: a normal distribution
/// has 1.7 of the latter in each, an exponential one 3.6 in the longer.
fn is_skewed(summary: &Summary) -> bool {
    const FEW: u64 = 20;
    let Summary::Numbers(numbers) = summary else { return false };
    let at = |share: f64| {
        let found = numbers.quantiles.iter().find(|(known, _)| *known == share);
        found.map(|(_, value)| *value)
    };
    let quantiles = (at(0.01), at(0.25), at(0.5), at(0.75), at(0.99));
    let (Some(low), Some(quarter), Some(middle), Some(three), Some(high)) = quantiles else {
        return false;
    };
    let tail = (high - middle).max(middle - low);
    numbers.distinct > FEW && tail > 0.0 && tail > 4.0 * (three - quarter)
}

#[cfg(test)]
mod tests {
    use gristmill_testkit::table;

    use super::*;

    #[track_caller]
    fn check(values: impl Iterator<Item = f64>, skewed: bool) {
        let look = Look::at(&table().numbers("x", values.collect::<Vec<_>>()).build()).unwrap();
        assert_eq!(look.columns[0].skewed, skewed);
    }

    #[test] // of 1 to 1000: tail 490, middle half 500 wide
    fn numbers_that_lie_evenly_are_not_skewed() {
        check((1..=1000).map(f64::from), false);
    }

    #[test] // e^0.01 to e^10: tail e^9.9 - e^5, middle half e^7.5 - e^2.5
    fn powers_are_skewed() {
        check((1..=1000).map(|x| (f64::from(x) / 100.0).exp()), true);
    }

    #[test]
    fn mostly_zeros_are_skewed_and_two_values_are_not() {
        check((0..1000).map(|x| if x < 900 { 0.0 } else { f64::from(x) }), true);
        check((0..1000).map(|x| f64::from(u8::from(x > 990))), false);
    }

    #[test]
    fn what_a_step_made_is_known_by_its_field_and_the_rest_as_before() {
        let rows = table().numbers("x", [1.0, f64::NAN]).numbers("y", [1.0, 2.0]).build();
        let look = Look::at(&rows).unwrap();
        let made = gristmill_core::Field::number("z").nullable(true);
        let filled = rows.schema().fields()[0].clone().nullable(false);
        let seen = look.after(&Schema::new(vec![filled, made]).unwrap());
        let known: Vec<_> = seen.columns.iter().map(|c| (c.missing, c.distinct)).collect();
        assert_eq!(known, [(false, Some(1)), (true, None)]);
    }
}
