//! From tokens to clauses, and the words in which whatever makes no sense is refused.

use super::lexer::{Sort, Token, tokens};
use super::searchable::{AttributeSort, DATASET_KEYS, Searchable, Wording};
use super::tree::{Clause, Field, FieldKind, Filter, FilterError, Operand, Operator};

/// The longest filter, in bytes: far more than anybody writes, and little enough to be read at once.
const MAX_BYTES: usize = 100_000;
/// The most clauses: each is a part of one statement.
const MAX_CLAUSES: usize = 200;

impl Filter {
    /// What `text` asks for; everything when it is empty.
    ///
    /// # Errors
    /// A [`FilterError`] with the first thing in it that `searchable` does not know.
    ///
    /// ```
    /// # use gristmill_track::{Filter, FilterError, Searchable};
    /// let filter = Filter::parse("metrics.auc > 0.8 AND params.model = 'forest'", &Searchable::RUNS)?;
    /// assert_eq!(filter.clauses.len(), 2);
    /// let refused = Filter::parse("metrics.auc > 'high'", &Searchable::RUNS).unwrap_err();
    /// assert_eq!(refused.message, "Expected numeric value type for metric. Found 'high'");
    /// # Ok::<(), FilterError>(())
    /// ```
    pub fn parse(text: &str, searchable: &Searchable) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > MAX_BYTES {
            let message =
                format!("The filter is {} bytes long; at most {MAX_BYTES} are read.", text.len());
            return Err(FilterError::new(message));
        }
        let tokens = tokens(text);
        if tokens.is_empty() {
            return Err(FilterError::new(format!("Invalid filter '{text}'. Could not be parsed.")));
        }
        if has_several_statements(&tokens) {
            return Err(FilterError::new(format!(
                "Search filter contained multiple expression {}. Provide AND-ed expression list.",
                repr(text)
            )));
        }
        let raw = Reader { text, tokens: &tokens, at: 0 }.clauses(searchable)?;
        if raw.len() > MAX_CLAUSES {
            let message = format!("The filter has {} clauses; at most {MAX_CLAUSES}.", raw.len());
            return Err(FilterError::new(message));
        }
        let clauses: Result<Vec<_>, _> = raw.iter().map(|raw| clause(raw, searchable)).collect();
        Ok(Self { clauses: clauses? })
    }
}

fn has_several_statements(tokens: &[Token<'_>]) -> bool {
    let end = tokens.iter().position(|token| token.sort == Sort::Semicolon);
    end.is_some_and(|end| end + 1 < tokens.len())
}

/// A comparison as it was written.
struct Raw<'a> {
    left: Token<'a>,
    operator: String,
    right: Right<'a>,
}

enum Right<'a> {
    Nothing,
    Token(Token<'a>),
    /// What stands in brackets, brackets and all.
    List(&'a str, Vec<Token<'a>>),
}

impl<'a> Right<'a> {
    fn text(&self) -> &'a str {
        match self {
            Self::Nothing => "",
            Self::Token(token) => token.text,
            Self::List(text, _) => text,
        }
    }
}

struct Reader<'a, 't> {
    text: &'a str,
    tokens: &'t [Token<'a>],
    at: usize,
}

impl<'a> Reader<'a, '_> {
    fn clauses(mut self, searchable: &Searchable) -> Result<Vec<Raw<'a>>, FilterError> {
        let (mut found, mut invalid) = (Vec::new(), Vec::new());
        while let Some(token) = self.peek(0) {
            if token.is("AND") || token.sort == Sort::Semicolon {
                self.at += 1;
            } else if let Some(raw) = self.comparison(token) {
                found.push(raw);
            } else {
                invalid.push(token.text);
                self.at += 1;
            }
        }
        if invalid.is_empty() { Ok(found) } else { Err(invalid_clauses(&invalid, searchable)) }
    }

    fn peek(&self, ahead: usize) -> Option<Token<'a>> {
        self.tokens.get(self.at + ahead).copied()
    }

    /// The comparison that begins with `left`, which is passed over; nothing when there is none.
    fn comparison(&mut self, left: Token<'a>) -> Option<Raw<'a>> {
        let can_be_left =
            matches!(left.sort, Sort::Word | Sort::Sum | Sort::Text | Sort::Whole | Sort::Number);
        if !can_be_left || is_keyword(&left) {
            return None;
        }
        let (operator, length) = self.operator()?;
        if matches!(operator.as_str(), "IS NULL" | "IS NOT NULL") {
            self.at += 1 + length;
            return Some(Raw { left, operator, right: Right::Nothing });
        }
        let value = self.peek(1 + length)?;
        if value.sort == Sort::Open {
            let (text, items) = self.list(1 + length)?;
            self.at += 1 + length + items.len() + 2;
            return Some(Raw { left, operator, right: Right::List(text, items) });
        }
        let is_value = matches!(value.sort, Sort::Word | Sort::Text | Sort::Whole | Sort::Number);
        if !is_value || matches!(operator.as_str(), "IN" | "NOT IN") || value.is("AND") {
            return None;
        }
        self.at += 2 + length;
        Some(Raw { left, operator, right: Right::Token(value) })
    }

    /// The operator behind the token at hand, and how many tokens it is made of.
    fn operator(&self) -> Option<(String, usize)> {
        let (first, second, third) = (self.peek(1)?, self.peek(2), self.peek(3));
        let follows = |token: Option<Token<'a>>, word: &str| token.is_some_and(|t| t.is(word));
        if first.sort == Sort::Compare {
            return Some((first.text.into(), 1));
        }
        if first.is("IS") && follows(second, "NULL") {
            return Some(("IS NULL".into(), 2));
        }
        if first.is("IS") && follows(second, "NOT") && follows(third, "NULL") {
            return Some(("IS NOT NULL".into(), 3));
        }
        let one = ["IN", "LIKE", "ILIKE", "RLIKE"].into_iter().find(|word| first.is(word));
        if let Some(word) = one {
            return Some((word.into(), 1));
        }
        let two = ["IN", "LIKE", "ILIKE"].into_iter().find(|word| follows(second, word));
        two.filter(|_| first.is("NOT")).map(|word| (format!("NOT {word}"), 2))
    }

    /// What stands in the brackets that open `ahead`.
    fn list(&self, ahead: usize) -> Option<(&'a str, Vec<Token<'a>>)> {
        let open = self.peek(ahead)?;
        let inside = self.tokens.get(self.at + ahead + 1..)?;
        let length = inside.iter().position(|token| token.sort == Sort::Close)?;
        let close = inside.get(length)?;
        Some((self.text.get(open.at..close.end())?, inside.get(..length)?.to_vec()))
    }
}

fn is_keyword(token: &Token<'_>) -> bool {
    ["AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "ILIKE"].iter().any(|word| token.is(word))
}

fn invalid_clauses(invalid: &[&str], searchable: &Searchable) -> FilterError {
    let listed: Vec<String> = match searchable.wording {
        Wording::Runs => invalid.iter().map(|text| format!("'{text}'")).collect(),
        Wording::Experiments | Wording::Registry => {
            invalid.iter().map(|text| (*text).to_string()).collect()
        }
    };
    FilterError::new(format!("Invalid clause(s) in filter string: {}", listed.join(", ")))
}

fn clause(raw: &Raw<'_>, searchable: &Searchable) -> Result<Clause, FilterError> {
    if raw.left.sort != Sort::Word {
        return Err(FilterError::new(format!(
            "Invalid comparison clause. Expected 'Identifier' found '{}'",
            raw.left.text
        )));
    }
    let names: Vec<&str> = searchable.attributes.iter().map(|known| known.name).collect();
    let (field, sort) = field(raw.left.text, searchable, &names)?;
    if matches!(raw.right, Right::Nothing) {
        refuse_null_tests(&field, searchable)?;
    }
    let operand = operand(&field, sort, raw, searchable)?;
    let operator = Operator::parse(&raw.operator)
        .filter(|operator| searchable.operators(field.kind, sort).contains(operator))
        .filter(|operator| *operator != Operator::In || matches!(operand, Operand::List(_)))
        .ok_or_else(|| wrong_operator(&field, sort, &raw.operator, searchable))?;
    refuse_odd_experiments(&field, operator, &operand, searchable)?;
    Ok(Clause { field, operator, operand })
}

/// The field that `text` names. `names` are the attributes that may stand there.
pub(super) fn field(
    text: &str,
    searchable: &Searchable,
    names: &[&str],
) -> Result<(Field, AttributeSort), FilterError> {
    let (kind, key) = match text.split_once('.') {
        None => (FieldKind::Attribute, text),
        Some((prefix, key)) => (kind(prefix, searchable)?, key),
    };
    let key = unquoted(key);
    match kind {
        FieldKind::Attribute if names.contains(&key.as_str()) => {
            let (key, sort) = match searchable.attribute(&key) {
                Some(known) => (known.key.to_string(), known.sort),
                None => (key, AttributeSort::Number),
            };
            Ok((Field { kind, key }, sort))
        }
        FieldKind::Attribute => {
            let valid = set(names.iter().copied());
            Err(FilterError::new(format!(
                "Invalid attribute key '{key}' specified. Valid keys are '{valid}'"
            )))
        }
        FieldKind::Dataset if !DATASET_KEYS.contains(&key.as_str()) => {
            let valid = set(DATASET_KEYS.into_iter());
            Err(FilterError::new(format!(
                "Invalid dataset key '{key}' specified. Valid keys are '{valid}'"
            )))
        }
        _ => Ok((Field { kind, key }, AttributeSort::Text)),
    }
}

fn kind(prefix: &str, searchable: &Searchable) -> Result<FieldKind, FilterError> {
    let plain = trimmed(prefix, '`');
    let known = searchable.prefixes.iter().find(|(name, _)| *name == plain);
    known.map(|(_, kind)| *kind).ok_or_else(|| {
        FilterError::new(match searchable.wording {
            Wording::Runs => format!(
                "Invalid entity type '{plain}'. Valid values are \
                 ['metric', 'parameter', 'tag', 'attribute', 'dataset']"
            ),
            Wording::Experiments | Wording::Registry => format!(
                "Invalid entity type '{plain}'. Valid entity types are \
                 ('attribute', 'tag', 'tags')"
            ),
        })
    })
}

fn refuse_null_tests(field: &Field, searchable: &Searchable) -> Result<(), FilterError> {
    let kind = field.kind;
    match (searchable.wording, kind) {
        (_, FieldKind::Tag) | (Wording::Runs, FieldKind::Param) => Ok(()),
        (Wording::Runs, _) => Err(FilterError::new(format!(
            "IS NULL / IS NOT NULL is only supported for tags and params, not for '{kind}' '{}'",
            field.key
        ))),
        _ => Err(FilterError::new(format!(
            "IS NULL / IS NOT NULL is only supported for tags, not for attribute '{}'",
            field.key
        ))),
    }
}

fn operand(
    field: &Field,
    sort: AttributeSort,
    raw: &Raw<'_>,
    searchable: &Searchable,
) -> Result<Operand, FilterError> {
    let text = raw.right.text();
    let token = match &raw.right {
        Right::Nothing => return Ok(Operand::Nothing),
        Right::Token(token) => Some(token),
        Right::List(..) => None,
    };
    match (field.kind, sort) {
        (FieldKind::Metric, _) => {
            number(token).map(|found| Operand::Number(as_float(&found))).ok_or_else(|| {
                FilterError::new(format!("Expected numeric value type for metric. Found {text}"))
            })
        }
        (FieldKind::Param | FieldKind::Tag, _) => text_of(token, || {
            let kind = field.kind;
            format!("Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {text}")
        }),
        (FieldKind::Attribute, AttributeSort::Number) => number_of(field, token, text, searchable),
        (FieldKind::Attribute | FieldKind::Dataset, _) => match &raw.right {
            Right::List(_, items) => {
                refuse_unlisted(field, sort, searchable)?;
                list(items)
            }
            _ => text_of(token, || wrong_text(field.kind, text, searchable)),
        },
    }
}

fn wrong_text(kind: FieldKind, found: &str, searchable: &Searchable) -> String {
    match (kind, searchable.wording) {
        (FieldKind::Dataset, _) => {
            format!("Expected a quoted string value for dataset attributes. Got value {found}")
        }
        (_, Wording::Registry) => format!(
            "Expected a quoted string value or a list of quoted string values for attributes. \
             Got value {found}"
        ),
        _ => format!("Expected a quoted string value for attributes. Got value {found}"),
    }
}

fn number_of(
    field: &Field,
    token: Option<&Token<'_>>,
    text: &str,
    searchable: &Searchable,
) -> Result<Operand, FilterError> {
    let key = &field.key;
    if searchable.wording == Wording::Registry {
        return whole_of(key, token, text);
    }
    let found = number(token).ok_or_else(|| {
        FilterError::new(format!(
            "Expected numeric value type for numeric attribute: {key}. Found {text}"
        ))
    })?;
    if matches!(found, Operand::Number(_)) && searchable.wording != Wording::Runs {
        let message = format!("Invalid value for numeric attribute '{key}': '{text}'");
        return Err(FilterError::new(message));
    }
    Ok(found)
}

/// A whole number, which may stand in quotes where models are searched.
fn whole_of(key: &str, token: Option<&Token<'_>>, text: &str) -> Result<Operand, FilterError> {
    let quoted = token.filter(|token| token.sort == Sort::Text);
    let digits = quoted.map_or(text, |token| token.text.trim_matches(['\'', '"']));
    digits.trim().parse().map(Operand::Whole).map_err(|_| {
        FilterError::new(format!("Invalid value for numeric attribute '{key}': {text}"))
    })
}

fn number(token: Option<&Token<'_>>) -> Option<Operand> {
    let token = token?;
    match token.sort {
        Sort::Whole => match token.text.parse() {
            Ok(whole) => Some(Operand::Whole(whole)),
            Err(_) => token.text.parse().ok().map(Operand::Number),
        },
        Sort::Number => token.text.parse().ok().map(Operand::Number),
        _ => None,
    }
}

fn as_float(operand: &Operand) -> f64 {
    match operand {
        Operand::Whole(whole) => *whole as f64,
        Operand::Number(number) => *number,
        _ => f64::NAN,
    }
}

fn text_of(token: Option<&Token<'_>>, wrong: impl Fn() -> String) -> Result<Operand, FilterError> {
    let token = token.filter(|token| matches!(token.sort, Sort::Text | Sort::Word));
    let token = token.filter(|token| !token.is("NULL")).ok_or_else(|| FilterError::new(wrong()))?;
    match in_quotes(token.text) {
        Some(text) => Ok(Operand::Text(text)),
        None => Err(FilterError::new(format!(
            "Parameter value is either not quoted or unidentified quote types used for string \
             value {}. Use either single or double quotes.",
            token.text
        ))),
    }
}

fn refuse_unlisted(
    field: &Field,
    sort: AttributeSort,
    searchable: &Searchable,
) -> Result<(), FilterError> {
    if field.kind == FieldKind::Dataset || sort == AttributeSort::Listed {
        return Ok(());
    }
    let listed = searchable.attributes.iter().filter(|a| a.sort == AttributeSort::Listed);
    let mut names: Vec<String> = listed.map(|attribute| format!("'{}'", attribute.name)).collect();
    names.sort_unstable();
    Err(FilterError::new(format!(
        "Only [{}] attributes support comparison with a list of quoted string values.",
        names.join(", ")
    )))
}

fn list(items: &[Token<'_>]) -> Result<Operand, FilterError> {
    const HEAD: &str = "While parsing a list in the query, expected";
    let mut texts = Vec::new();
    if items.is_empty() {
        let message = format!("{HEAD} a non-empty list of string values, but got empty list");
        return Err(FilterError::new(message));
    }
    for (place, token) in items.iter().enumerate() {
        let is_comma = place % 2 == 1;
        match (is_comma, token.sort) {
            (true, Sort::Comma) => {}
            (false, Sort::Text | Sort::Word) => match in_quotes(token.text) {
                Some(text) => texts.push(text),
                None => return Err(ill_formed(HEAD)),
            },
            (false, Sort::Whole | Sort::Number) => {
                let found: Vec<&str> = items.iter().map(|item| item.text).collect();
                return Err(FilterError::new(format!(
                    "{HEAD} string value, punctuation, or whitespace, but got different type in \
                     list: ({},)",
                    found.concat()
                )));
            }
            _ => return Err(ill_formed(HEAD)),
        }
    }
    Ok(Operand::List(texts))
}

fn ill_formed(head: &str) -> FilterError {
    FilterError::new(format!("{head} a non-empty list of string values, but got ill-formed list."))
}

fn wrong_operator(
    field: &Field,
    sort: AttributeSort,
    found: &str,
    searchable: &Searchable,
) -> FilterError {
    let key = &field.key;
    let is_text_attribute = field.kind == FieldKind::Attribute && sort != AttributeSort::Number;
    FilterError::new(match (searchable.wording, field.kind) {
        (Wording::Experiments, FieldKind::Attribute) if key == "experiment_id" => {
            format!("Invalid comparator for experiment_id: {found}")
        }
        (Wording::Experiments | Wording::Registry, FieldKind::Tag) => {
            format!("Invalid comparator for tag: {found}")
        }
        (Wording::Registry, _) if sort == AttributeSort::Number => {
            format!("Invalid comparator for attribute {key}: {found}")
        }
        (Wording::Registry, _) => format!("Invalid comparator for attribute: {found}"),
        (_, kind) => {
            // A slip of MLflow's: numbers are told what texts may be compared with.
            let sort = if kind == FieldKind::Attribute { AttributeSort::Text } else { sort };
            let valid = set(searchable.operators(kind, sort).iter().map(|known| known.as_str()));
            let is_closed = kind == FieldKind::Param || is_text_attribute;
            let end = if is_closed { "'" } else { "" };
            format!("Invalid comparator '{found}' not one of '{valid}{end}")
        }
    })
}

/// An experiment's number is written as a text, and only looked for as a whole.
fn refuse_odd_experiments(
    field: &Field,
    operator: Operator,
    operand: &Operand,
    searchable: &Searchable,
) -> Result<(), FilterError> {
    let is_id = field.kind == FieldKind::Attribute && field.key == "experiment_id";
    if searchable.wording != Wording::Experiments || !is_id {
        return Ok(());
    }
    if matches!(operator, Operator::Like | Operator::ILike) {
        return Err(wrong_operator(field, AttributeSort::Listed, operator.as_str(), searchable));
    }
    let ids = match operand {
        Operand::Text(id) => std::slice::from_ref(id),
        Operand::List(ids) => ids,
        _ => &[],
    };
    match ids.iter().find(|id| id.parse::<i64>().is_err()) {
        Some(id) => Err(FilterError::new(format!(
            "Invalid experiment ID '{id}'. Experiment ID must be a valid integer."
        ))),
        None => Ok(()),
    }
}

/// The text between quotes; a quote within it is written twice.
fn in_quotes(text: &str) -> Option<String> {
    ['\'', '"'].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        let twice: String = [quote, quote].iter().collect();
        Some(inner.replace(&twice, &quote.to_string()))
    })
}

/// A key without the quotes or backticks around it.
fn unquoted(key: &str) -> String {
    in_quotes(key).unwrap_or_else(|| trimmed(key, '`').to_string())
}

fn trimmed(text: &str, quote: char) -> &str {
    text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)).unwrap_or(text)
}

/// Names as a set is written in MLflow's messages, here always in one order.
fn set<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.map(|name| format!("'{name}'")).collect();
    names.sort_unstable();
    format!("{{{}}}", names.join(", "))
}

/// A text as MLflow's messages quote it.
fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
    let escaped = if quote == '\'' { escaped.replace('\'', "\\'") } else { escaped };
    format!("{quote}{escaped}{quote}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a filter of runs comes to, one clause a line.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let filter = Filter::parse(text, &Searchable::RUNS).unwrap();
        let found: Vec<String> = filter.clauses.iter().map(shown).collect();
        assert_eq!(found, expected, "{text}");
    }

    fn shown(clause: &Clause) -> String {
        let Clause { field, operator, operand } = clause;
        let operand = match operand {
            Operand::Nothing => String::new(),
            Operand::Whole(whole) => format!(" {whole}"),
            Operand::Number(number) => format!(" {number:?}"),
            Operand::Text(text) => format!(" {text:?}"),
            Operand::List(texts) => format!(" {texts:?}"),
        };
        format!("{} {:?} {operator}{operand}", field.kind, field.key)
    }

    #[track_caller]
    fn refused(searchable: &Searchable, text: &str, message: &str) {
        let error = Filter::parse(text, searchable).unwrap_err();
        assert_eq!(error.message, message, "{text}");
    }

    #[test]
    fn kinds_have_many_names() {
        for prefix in ["metrics", "metric", "`metrics`"] {
            check(&format!("{prefix}.a>1"), &["metric \"a\" > 1.0"]);
        }
        for prefix in ["params", "param", "parameter", "parameters"] {
            check(&format!("{prefix}.a = 'x'"), &["parameter \"a\" = \"x\""]);
        }
        for prefix in ["attributes.", "attribute.", "attr.", "run.", ""] {
            check(&format!("{prefix}status = 'FAILED'"), &["attribute \"status\" = \"FAILED\""]);
        }
        check("tag.mlflow.user = 'x'", &["tag \"mlflow.user\" = \"x\""]);
        check("datasets.name IN ('d')", &["dataset \"name\" IN [\"d\"]"]);
        check("`Run name` LIKE 'x%'", &["attribute \"run_name\" LIKE \"x%\""]);
        check("created >= 5", &["attribute \"start_time\" >= 5"]);
    }

    #[test]
    fn keys_and_values_may_be_quoted() {
        check("params.\"a b\" != \"it's\"", &["parameter \"a b\" != \"it's\""]);
        check("params.`a-b` = 'it''s'", &["parameter \"a-b\" = \"it's\""]);
        check("tags.'k' ilike 'X%'", &["tag \"k\" ILIKE \"X%\""]);
    }

    #[test]
    fn clauses_are_joined_by_and_in_any_case() {
        check(
            "metrics.a > -1e3 and params.b IS NULL AND tags.c is not null",
            &["metric \"a\" > -1000.0", "parameter \"b\" IS NULL", "tag \"c\" IS NOT NULL"],
        );
        check("run_id NOT IN ('a', \"b\")", &["attribute \"run_id\" NOT IN [\"a\", \"b\"]"]);
        check("", &[]);
        check("metrics.a = 1;", &["metric \"a\" = 1.0"]);
    }

    #[test] // seen in answers of MLflow 3.17.2; its sets are in no order, ours are sorted
    fn runs_are_refused_in_known_words() {
        let refused = |text, message| refused(&Searchable::RUNS, text, message);
        refused("metrics.a", "Invalid clause(s) in filter string: 'metrics.a'");
        refused("params.a = 'b' OR params.c='d'", "Invalid clause(s) in filter string: 'OR'");
        refused("not params.b = 'x'", "Invalid clause(s) in filter string: 'not'");
        refused("((", "Invalid clause(s) in filter string: '(', '('");
        refused("=", "Invalid clause(s) in filter string: '='");
        refused("metrics.a > 'x'", "Expected numeric value type for metric. Found 'x'");
        refused("metrics.a > inf", "Expected numeric value type for metric. Found inf");
        refused(
            "params.a = 1",
            "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1",
        );
        refused(
            "params.a = null",
            "Expected a quoted string value for parameter (e.g. 'my-value'). Got value null",
        );
        refused(
            "params.a in ('x')",
            "Expected a quoted string value for parameter (e.g. 'my-value'). Got value ('x')",
        );
        refused(
            "foo.a = 1",
            "Invalid entity type 'foo'. Valid values are \
             ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
        );
        refused(
            "dataset.foo = 'x'",
            "Invalid dataset key 'foo' specified. Valid keys are '{'context', 'digest', 'name'}'",
        );
        refused(
            "params.a == 'x'",
            "Invalid comparator '==' not one of \
             '{'!=', '=', 'ILIKE', 'IS NOT NULL', 'IS NULL', 'LIKE'}'",
        );
        refused(
            "metrics.a LIKE 1",
            "Invalid comparator 'LIKE' not one of '{'!=', '<', '<=', '=', '>', '>='}",
        );
        refused(
            "dataset.name > 'x'",
            "Invalid comparator '>' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}",
        );
        refused(
            "params.a = foo",
            "Parameter value is either not quoted or unidentified quote types used for string \
             value foo. Use either single or double quotes.",
        );
        refused(
            "a; b",
            "Search filter contained multiple expression 'a; b'. Provide AND-ed expression list.",
        );
        refused("   ", "Invalid filter '   '. Could not be parsed.");
        refused(
            "metrics.a-b > 1",
            "Invalid comparison clause. Expected 'Identifier' found 'metrics.a-b'",
        );
        refused("1 = 1", "Invalid comparison clause. Expected 'Identifier' found '1'");
        refused(
            "metrics.a IS NULL",
            "IS NULL / IS NOT NULL is only supported for tags and params, not for 'metric' 'a'",
        );
        refused(
            "status IN ('a')",
            "Only ['run_id'] attributes support comparison with a list of quoted string values.",
        );
        refused(
            "run_id IN ()",
            "While parsing a list in the query, expected a non-empty list of string values, but \
             got empty list",
        );
        refused(
            "run_id IN (1)",
            "While parsing a list in the query, expected string value, punctuation, or \
             whitespace, but got different type in list: (1,)",
        );
        refused(
            "start_time > 'x'",
            "Expected numeric value type for numeric attribute: start_time. Found 'x'",
        );
    }

    #[test] // seen in answers of MLflow 3.17.2
    fn experiments_are_refused_in_known_words() {
        let refused = |text, message| refused(&Searchable::EXPERIMENTS, text, message);
        refused("bad", "Invalid clause(s) in filter string: bad");
        refused("experiment_id > '1'", "Invalid comparator for experiment_id: >");
        refused(
            "experiment_id IN ('1','x')",
            "Invalid experiment ID 'x'. Experiment ID must be a valid integer.",
        );
        refused(
            "creation_time > 1.5",
            "Invalid value for numeric attribute 'creation_time': '1.5'",
        );
        refused(
            "metrics.a > 1",
            "Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')",
        );
        refused("tags.a > 'b'", "Invalid comparator for tag: >");
        refused(
            "name IS NULL",
            "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'",
        );
    }

    #[test]
    fn models_are_refused_in_the_registrys_words() {
        refused(&Searchable::MODELS, "name > 'a'", "Invalid comparator for attribute: >");
        refused(
            &Searchable::VERSIONS,
            "version_number LIKE 1",
            "Invalid comparator for attribute version_number: LIKE",
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_filter_or_is_refused(
            text in "([a-z.`'\"()=<>!,;0-9 -]|AND|IN|LIKE|IS NOT NULL|\\PC){0,40}"
        ) {
            for searchable in [
                &Searchable::RUNS,
                &Searchable::EXPERIMENTS,
                &Searchable::MODELS,
                &Searchable::VERSIONS,
                &Searchable::LOGGED_MODELS,
            ] {
                let _ = Filter::parse(&text, searchable);
                let _ = crate::Order::parse(&text, searchable);
            }
        }
    }
}
