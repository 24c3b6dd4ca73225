//! Which transforms the columns need before a kind of models can learn from them.

use gristmill_core::{Role, SemanticType};
use serde_json::{Value, json};

use super::families::{Family, Rows, multinomial_naive_bayes};
use crate::look::{Look, Seen};

/// Transforms, some of them alternatives, with the families that learn from what they make.
#[derive(Clone, Debug)]
pub(super) struct Preparation {
    pub name: &'static str,
    pub features: Vec<Value>,
    pub families: Vec<Family>,
}

/// Columns as they are, for trees: they take categories and missing numbers.
pub(super) const AS_IS: &str = "as_is";
/// Columns as numbers of one size, for sums and distances; trees take those too.
pub(super) const SCALED: &str = "scaled";
/// The same with the words of texts.
pub(super) const WORDS: &str = "words";

/// A column with more categories than this is also tried as the mean of the target in each.
const MANY_CATEGORIES: u64 = 12;
/// A column with more categories than this never becomes a column for each.
const TOO_MANY_CATEGORIES: u64 = 200;
/// The terms of a text that trees learn from where texts are few.
const FEW_TERMS: usize = 200;
/// From so many texts on there are more terms, which are drawn together to so many directions.
const MANY_TEXTS: usize = 2_000;
const TERMS: usize = 2_000;
const DIRECTIONS: usize = 50;

/// The preparations for columns like these, the likely better one first.
pub(super) fn preparations(look: &Look, rows: Rows) -> Vec<Preparation> {
    let columns = Columns::of(look);
    let mut trees =
        Preparation { name: AS_IS, features: columns.for_trees(), families: rows.trees() };
    if columns.only_texts() {
        // Directions of words say little to trees, which cost much there.
        trees.families.truncate(1);
    }
    let (name, mut families) = (if rows.texts { WORDS } else { SCALED }, rows.sums());
    if rows.classes.is_some() && columns.only_texts() {
        families.push(multinomial_naive_bayes());
    }
    let sums = Preparation { name, features: columns.for_sums(rows), families };
    if rows.texts { vec![sums, trees] } else { vec![trees, sums] }
}

/// The columns by what they need.
struct Columns<'a> {
    look: &'a Look,
    /// Those that say nothing of later rows.
    useless: Vec<String>,
    moments: Vec<&'a Seen>,
    numbers: Vec<&'a Seen>,
    booleans: Vec<&'a Seen>,
    categories: Vec<&'a Seen>,
    texts: Vec<&'a Seen>,
}

impl<'a> Columns<'a> {
    fn of(look: &'a Look) -> Self {
        let is_useless =
            |column: &Seen| column.role == Role::Feature && says_nothing(column, look.rows);
        let of = |meaning| look.of(meaning).filter(|c| !is_useless(c)).collect::<Vec<_>>();
        // What orders the rows is no feature, but its parts may be.
        let orders = look
            .columns
            .iter()
            .filter(|c| c.role == Role::Time && c.meaning == SemanticType::Datetime);
        let moments = orders.chain(of(SemanticType::Datetime)).collect();
        Self {
            useless: look.columns.iter().filter(|c| is_useless(c)).map(name).collect(),
            moments,
            numbers: of(SemanticType::Numeric),
            booleans: of(SemanticType::Boolean),
            categories: of(SemanticType::Categorical),
            texts: of(SemanticType::Text),
            look,
        }
    }

    fn only_texts(&self) -> bool {
        !self.texts.is_empty()
            && self.moments.is_empty()
            && self.numbers.is_empty()
            && self.booleans.is_empty()
            && self.categories.is_empty()
    }

    fn for_trees(&self) -> Vec<Value> {
        let mut steps = self.dropped();
        steps.extend(self.parts(&[]));
        let many = with_more(&self.categories, MANY_CATEGORIES);
        if !many.is_empty() {
            steps.push(json!({"choice": [null, {"target_encode": {"columns": many}}]}));
        }
        for text in &self.texts {
            let many = self.look.rows >= MANY_TEXTS;
            let terms = if many { TERMS } else { FEW_TERMS };
            let tfidf = json!({"columns": [text.name], "max_features": terms, "min_frequency": 3});
            steps.push(json!({"tfidf": tfidf}));
            if many {
                steps.push(json!({"truncated_svd": {
                    "columns": [format!("{}_*", text.name)],
                    "components": DIRECTIONS,
                    "prefix": format!("{}_svd", text.name),
                }}));
            }
        }
        steps
    }

    fn for_sums(&self, rows: Rows) -> Vec<Value> {
        let mut steps = self.dropped();
        steps.extend(self.parts(&["month", "weekday", "hour"]));
        steps.extend(self.means_of_categories());
        let numbers = self.has_numbers();
        if numbers {
            steps.push(self.filled());
        }
        if !self.booleans.is_empty() {
            steps.push(json!({"impute": {"columns": "boolean", "strategy": "most_frequent"}}));
        }
        // One row far outside of all others can carry a sum away.
        if self.numbers.iter().any(|column| column.skewed) {
            let ends = json!({"columns": self.all_numbers(), "quantiles": [0.005, 0.995]});
            steps.push(json!({"choice": [{"clip": ends}, null]}));
        }
        steps.extend(self.shapes(rows));
        if numbers {
            steps.push(json!({"standardize": {"columns": self.all_numbers()}}));
        }
        let few =
            self.categories.iter().any(|c| c.distinct.is_none_or(|d| d <= TOO_MANY_CATEGORIES));
        if few {
            steps.push(json!({"one_hot": {"columns": "categorical", "min_frequency": 5}}));
        }
        if !self.texts.is_empty() {
            steps.push(json!({"tfidf": {
                "columns": "text",
                "ngrams": {"choice": [[1, 2], [1, 1], [1, 3]]},
                "min_frequency": {"choice": [2, 1, 5]},
                "term_frequency": {"choice": ["sublinear", "count"]},
            }}));
        }
        steps
    }

    /// Leaves out what says nothing, and what no model takes.
    fn dropped(&self) -> Vec<Value> {
        let pictures = self.look.named(SemanticType::Image);
        let names: Vec<&String> = self.useless.iter().chain(&pictures).collect();
        let drop = (!names.is_empty()).then(|| json!({"drop": {"columns": names}}));
        drop.into_iter().collect()
    }

    /// Takes moments apart into numbers, and into circles for those who add up.
    fn parts(&self, circles: &[&str]) -> Vec<Value> {
        let step = |moment: &&Seen| {
            let parts = parts_of(moment);
            let cyclic: Vec<&str> =
                circles.iter().filter(|part| parts.contains(part)).copied().collect();
            let mut settings = json!({"columns": [moment.name], "parts": parts});
            if !cyclic.is_empty() {
                settings["cyclic"] = json!(cyclic);
            }
            json!({"datetime": settings})
        };
        self.moments.iter().map(step).collect()
    }

    /// Columns of many categories as means of the target: always or as an alternative.
    fn means_of_categories(&self) -> Vec<Value> {
        let always = with_more(&self.categories, TOO_MANY_CATEGORIES);
        let perhaps = with_more(&self.categories, MANY_CATEGORIES);
        let perhaps: Vec<&str> =
            perhaps.into_iter().filter(|name| !always.contains(name)).collect();
        let mut steps = Vec::new();
        if !always.is_empty() {
            steps.push(json!({"target_encode": {"columns": always}}));
        }
        if !perhaps.is_empty() {
            steps.push(json!({"choice": [null, {"target_encode": {"columns": perhaps}}]}));
        }
        steps
    }

    fn has_numbers(&self) -> bool {
        let encoded = !with_more(&self.categories, TOO_MANY_CATEGORIES).is_empty();
        !self.numbers.is_empty() || !self.moments.is_empty() || encoded
    }

    /// The numbers to be filled and scaled: by name where some step has made sparse ones, which
    /// scaling would fill with what is no zero any more.
    fn all_numbers(&self) -> Value {
        if self.look.columns.iter().all(|column| !column.expands) {
            return json!("numeric");
        }
        let plain = self.numbers.iter().filter(|column| !column.expands).map(|c| c.name.clone());
        let means = with_more(&self.categories, TOO_MANY_CATEGORIES).into_iter().map(String::from);
        let parts = self.moments.iter().flat_map(|moment| {
            parts_of(moment).into_iter().map(|part| format!("{}_{part}", moment.name))
        });
        json!(plain.chain(means).chain(parts).collect::<Vec<_>>())
    }

    fn filled(&self) -> Value {
        let mut settings = json!({"columns": self.all_numbers(), "strategy": "median"});
        if self.numbers.iter().any(|column| column.missing) {
            settings["indicator"] = json!(true);
        }
        json!({"impute": settings})
    }

    /// Numbers bent so that a sum fits better: to a normal shape, or by curves of their own.
    fn shapes(&self, rows: Rows) -> Option<Value> {
        const MOST_CURVES: usize = 60;
        let named = |keep: &dyn Fn(&Seen) -> bool| -> Vec<String> {
            let numbers = self.numbers.iter().filter(|column| !column.expands && keep(column));
            numbers.map(|column| column.name.clone()).collect()
        };
        let skewed = named(&|column| column.skewed);
        let curved = named(&|column| column.distinct.is_some_and(|distinct| distinct > 10));
        let mut shapes = vec![Value::Null];
        if !curved.is_empty() && curved.len() <= MOST_CURVES {
            shapes.push(json!({"spline": {
                "columns": curved, "knots": 5, "placement": "quantile", "extrapolation": "linear",
            }}));
        }
        if !skewed.is_empty() {
            shapes.push(json!({"quantile": {"columns": skewed, "output": "normal"}}));
            if rows.count <= 100_000 {
                shapes.push(json!({"power": {"columns": skewed}}));
            }
        }
        (shapes.len() > 1).then(|| json!({"choice": shapes}))
    }
}

fn name(column: &Seen) -> String {
    column.name.clone()
}

/// Whether all values are alike, or a word differs in nearly every row and so names it.
fn says_nothing(column: &Seen, rows: usize) -> bool {
    let Some(distinct) = column.distinct.filter(|_| !column.expands) else { return false };
    match column.meaning {
        SemanticType::Categorical => {
            (distinct <= 1 && !column.missing)
                || distinct == 0
                || distinct as f64 > 0.8 * rows as f64
        }
        SemanticType::Numeric | SemanticType::Boolean => {
            (distinct <= 1 && !column.missing) || distinct == 0
        }
        _ => false,
    }
}

fn with_more<'a>(categories: &[&'a Seen], than: u64) -> Vec<&'a str> {
    let many = categories.iter().filter(|column| column.distinct.is_some_and(|d| d > than));
    many.map(|column| column.name.as_str()).collect()
}

/// The parts of a moment that come again within the time that is known, and the year where there are
/// several.
fn parts_of(moment: &Seen) -> Vec<&'static str> {
    const DAY: f64 = 86_400.0;
    let span = moment.span.unwrap_or(f64::INFINITY);
    let parts = [
        ("year", 366.0 * DAY),
        ("month", 60.0 * DAY),
        ("day", 14.0 * DAY),
        ("weekday", 2.0 * DAY),
        ("hour", if moment.timed { 0.0 } else { f64::INFINITY }),
    ];
    let mut parts: Vec<&str> =
        parts.iter().filter(|(_, least)| span > *least).map(|(part, _)| *part).collect();
    if parts.is_empty() {
        parts.push("weekday");
    }
    parts
}
