//! Categories spread over a fixed number of columns by their hash.
//!
//! Method: Weinberger, Dasgupta, Langford, Smola and Attenberg, *Feature Hashing for Large Scale
//! Multitask Learning*, ICML 2009; the hash is [`crate::murmur`]'s, as in scikit-learn's
//! `FeatureHasher`.

use std::collections::HashMap;
use std::sync::Arc;

use gristmill_core::{
    Column, Error, Field, FitContext, FittedTransform, Frame, Load, Result, Schema, Selector,
    Signature, State, Transform,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::categories::word;
use crate::columns;
use crate::murmur::bucket;
use crate::sparsity::{SparseRows, Sparsity};

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "hash";

/// The most columns that hashing may make: each is a field of the schema.
pub(crate) const MOST_FEATURES: u32 = 1 << 20;

/// Spreads the categories of all its columns over `features` columns, called `<prefix>_0` and so on
/// and standing at the end, in place of the columns that are taken.
///
/// The text `<column>=<category>` is hashed by MurmurHash3 (x86, 32 bits, seed 0, read as a signed
/// number h): its place is |h| mod `features`, and it adds 1 there, or −1 where the sign alternates
/// and h < 0, so that texts that fall into one place cancel on average. These are the columns of
/// scikit-learn's `FeatureHasher`. Nothing is learned, so categories that training never saw are as
/// good as others; which category stands where cannot be read back. A missing value adds nothing.
///
/// # Errors
/// A column of text or moments; `features` of 0 or above 2²⁰; a name that is taken.
///
/// ```
/// # use gristmill_core::{FitContext, Notes, Seed, Transform};
/// # use gristmill_features::HashEncoder;
/// # use gristmill_testkit::table;
/// let rows = table().words("plan", ["a", "b", "a"]).frame();
/// let notes = Notes::default();
/// let hash = HashEncoder { features: 2, ..Default::default() };
/// let (_, hashed) = hash.fit_apply(rows, &FitContext::new(Seed(0), &notes))?;
/// assert_eq!(hashed.schema().names(), ["hash_0", "hash_1"]);
/// assert_eq!(hashed.numbers(0)?[0], hashed.numbers(0)?[2]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HashEncoder {
    /// Which columns; all categorical ones unless said otherwise.
    pub columns: Selector,
    /// How many columns come out, 1 to 1,048,576.
    pub features: u32,
    /// Whether half of the categories count negatively.
    pub sign: Sign,
    /// What the columns are called before their number.
    pub prefix: String,
    /// Whether zeros are written down.
    pub sparse: Sparsity,
}

impl Default for HashEncoder {
    fn default() -> Self {
        Self {
            columns: Selector::word("categorical"),
            features: 64,
            sign: Sign::default(),
            prefix: "hash".into(),
            sparse: Sparsity::default(),
        }
    }
}

/// What a hashed text adds to its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// 1 or −1, as the hash says.
    #[default]
    Alternating,
    /// 1.
    Positive,
}

impl Sign {
    /// The place of a text among `features` and what it adds there.
    pub(crate) fn place(self, text: &[u8], features: u32) -> (u32, f64) {
        match (self, bucket(text, features)) {
            (Self::Alternating, found) => found,
            (Self::Positive, (place, _)) => (place, 1.0),
        }
    }
}

/// Refuses a number of columns that makes no sense.
pub(crate) fn check_features(features: u32) -> Result<()> {
    if (1..=MOST_FEATURES).contains(&features) {
        return Ok(());
    }
    Err(Error::setting("features", features, format!("1 to {MOST_FEATURES}")))
}

impl HashEncoder {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        check_features(self.features)?;
        columns::taken(&self.columns, input, columns::categorical)
    }

    fn output(&self, input: &Schema, positions: &[usize]) -> Result<Schema> {
        let kept = (0..input.len()).filter(|at| positions.binary_search(at).is_err());
        let kept = kept.map(|at| input.fields()[at].clone());
        let made = (0..self.features).map(|i| Field::number(format!("{}_{i}", self.prefix)));
        Schema::new(kept.chain(made).collect())
    }
}

impl Transform for HashEncoder {
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
        let columns = columns::names(train.schema(), &positions);
        let fitted = FittedHashEncoder::new(train.schema(), columns, self.clone())?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// [`HashEncoder`] with its columns resolved.
#[derive(Clone, Debug)]
pub struct FittedHashEncoder {
    signature: Signature,
    facts: Facts,
    positions: Vec<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    settings: HashEncoder,
}

impl FittedHashEncoder {
    fn new(input: &Arc<Schema>, columns: Vec<String>, settings: HashEncoder) -> Result<Self> {
        let positions = columns::stored(KIND, &columns, input, columns::categorical)?;
        let output = settings.output(input, &positions)?;
        let signature = Signature::new(KIND, input, output);
        Ok(Self { signature, facts: Facts { columns, settings }, positions })
    }

    /// Where the category of each row of a column goes; nowhere when it is missing.
    fn places(&self, field: &Field, column: &Column) -> Vec<Option<(u32, f64)>> {
        let settings = &self.facts.settings;
        let place = |category: &str| {
            settings.sign.place(format!("{}={category}", field.name).as_bytes(), settings.features)
        };
        match column {
            Column::Words(words) => {
                let mut known: HashMap<u32, (u32, f64)> = HashMap::new();
                let find = |(row, code): (usize, &u32)| {
                    let word = words.get(row)?;
                    Some(*known.entry(*code).or_insert_with(|| place(word)))
                };
                words.codes.iter().enumerate().map(find).collect()
            }
            Column::Numbers(values) => {
                let mut known: HashMap<u64, (u32, f64)> = HashMap::new();
                let find = |&value: &f64| {
                    let spelled = || place(&word(field, value));
                    (!value.is_nan()).then(|| *known.entry(value.to_bits()).or_insert_with(spelled))
                };
                values.iter().map(find).collect()
            }
            Column::Sparse(numbers) => self.places(field, &Column::Numbers(numbers.to_dense())),
            Column::Times(_) | Column::Images(_) => vec![None; column.len()],
        }
    }

    fn hash(&self, rows: &Frame) -> Result<Vec<Column>> {
        let fields = self.signature.input.fields();
        let places: Vec<_> = self
            .positions
            .iter()
            .map(|&at| self.places(&fields[at], &rows.columns()[at]))
            .collect();
        let mut hashed = SparseRows::new();
        let mut row_places: Vec<(u32, f64)> = Vec::with_capacity(places.len());
        for row in 0..rows.rows() {
            row_places.clear();
            row_places.extend(places.iter().filter_map(|column| column[row]));
            hashed.add_row(&mut row_places);
        }
        let order: Vec<u32> = (0..rows.rows() as u32).collect();
        let features = self.facts.settings.features as usize;
        hashed.columns(&order, features, self.facts.settings.sparse.form(features))
    }
}

impl FittedTransform for FittedHashEncoder {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let (count, hashed) = (rows.rows(), self.hash(&rows)?);
        let kept = rows.into_columns().into_iter().enumerate();
        let kept = kept.filter(|(at, _)| self.positions.binary_search(at).is_err());
        let columns = kept.map(|(_, column)| column).chain(hashed).collect();
        Frame::new(Arc::clone(&self.signature.output), columns, count)
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn state(&self) -> State {
        State::new(&self.facts)
    }
}

impl Load for FittedHashEncoder {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        check_features(facts.settings.features)
            .and_then(|()| Self::new(input, facts.columns, facts.settings))
            .map_err(|e| Error::damaged(format!("stored `{KIND}`"), e.to_string()))
    }
}
