//! From text to tree: the parser is sqlparser's, the subset is ours.

use sqlparser::ast::{
    self, BinaryOperator, CeilFloorKind, DataType, FunctionArg, FunctionArgExpr, FunctionArguments,
    Spanned, TrimWhereField, UnaryOperator, Value,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::functions::{Function, hint_for, is_aggregate};
use super::moments::{self, Part};
use super::tree::{At, Case, CastTo, MAX_NODES, Node, Operator};
use super::{Expr, Place, refuse};
use crate::{Error, Result};

/// The longest text of an expression, in bytes.
const MAX_TEXT: usize = 65_536;
/// The most operators in an expression: the parser's own tree grows one deeper with each, and it
/// is taken down by recursion.
const MAX_OPERATORS: usize = 1_000;
/// The deepest nesting, chains of one kind of operator aside.
const MAX_DEPTH: usize = 100;

const ROW_WISE: &str = "expressions are row-wise; use `sql:` for what looks at other rows";

/// See [`Expr::parse`].
pub(super) fn parse(text: &str) -> Result<Expr> {
    if text.len() > MAX_TEXT {
        return Err(Error::data(format!(
            "an expression has {} bytes, expected at most {MAX_TEXT}",
            text.len()
        )));
    }
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, text)
        .tokenize_with_location()
        .map_err(|e| refuse(text, place(e.location), &e.message, None))?;
    bound_operators(text, &tokens)?;
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let parsed = parser.parse_expr().map_err(|e| unreadable(text, e))?;
    let next = parser.next_token();
    if next.token != Token::EOF {
        let problem = format!("unexpected `{}`", next.token);
        return Err(refuse(text, place(next.span.start), &problem, None));
    }
    let mut builder = Builder { text, nodes: Vec::new(), places: Vec::new(), depth: 0 };
    builder.convert(&parsed)?;
    Ok(Expr { nodes: builder.nodes, places: builder.places, source: text.into() })
}

fn place(location: Location) -> Place {
    Place { line: location.line, character: location.column }
}

/// The parser's refusal in our form; it brings its own position.
fn unreadable(text: &str, error: ParserError) -> Error {
    let problem = match error {
        ParserError::RecursionLimitExceeded => "the expression is nested too deeply".into(),
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            format!("this is no SQL expression: {}", in_our_words(&message))
        }
    };
    refuse(text, Place::default(), &problem, None)
}

fn in_our_words(message: &str) -> String {
    message
        .replace("Expected: ", "expected ")
        .replace(", found: EOF", ", found the end")
        .replace(", found: ", ", found ")
        .replace(" at Line: ", " at line ")
        .replace(", Column: ", ", character ")
}

fn bound_operators(text: &str, tokens: &[TokenWithSpan]) -> Result<()> {
    let mut operators = tokens.iter().filter(|token| match &token.token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Whitespace(_) | Token::Comma | Token::LParen | Token::RParen => false,
        Token::Number(..) | Token::SingleQuotedString(_) => false,
        _ => true,
    });
    match operators.nth(MAX_OPERATORS) {
        None => Ok(()),
        Some(token) => Err(refuse(
            text,
            place(token.span.start),
            &format!("the expression has more than {MAX_OPERATORS} operators"),
            Some("split it: a `derive` can use other derived columns".into()),
        )),
    }
}

/// Collects nodes, children first.
struct Builder<'a> {
    text: &'a str,
    nodes: Vec<Node>,
    places: Vec<Place>,
    depth: usize,
}

impl Builder<'_> {
    fn refuse<T>(&self, at: &ast::Expr, problem: &str, hint: impl Into<String>) -> Result<T> {
        Err(refuse(self.text, place(at.span().start), problem, Some(hint.into())))
    }

    fn push(&mut self, node: Node, at: &ast::Expr) -> Result<At> {
        if self.nodes.len() == MAX_NODES {
            return self.refuse(at, "the expression is too long", "split it");
        }
        self.nodes.push(node);
        self.places.push(place(at.span().start));
        Ok(self.nodes.len() as At - 1)
    }

    fn convert(&mut self, expr: &ast::Expr) -> Result<At> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.refuse(expr, "the expression is nested too deeply", "split it");
        }
        let at = self.convert_node(expr)?;
        self.depth -= 1;
        Ok(at)
    }

    fn convert_node(&mut self, expr: &ast::Expr) -> Result<At> {
        use ast::Expr as E;
        match expr {
            E::Nested(inner) => self.convert(inner),
            E::Identifier(ident) => self.push(Node::Column(ident.value.clone()), expr),
            E::CompoundIdentifier(_) => self.refuse(
                expr,
                &format!("`{expr}` names a table"),
                format!("a column has no table here; quote its name if it holds a dot: \"{expr}\""),
            ),
            E::Value(value) => {
                let node = self.literal(&value.value, expr)?;
                self.push(node, expr)
            }
            E::TypedString(typed) => self.moment(typed, expr),
            E::UnaryOp { op, expr: inner } => self.unary(op, inner, expr),
            E::BinaryOp { .. } => self.binary_chain(expr),
            E::IsNull(inner) => self.one(Node::IsNull, inner, expr),
            E::IsNotNull(inner) => {
                let is_null = self.one(Node::IsNull, inner, expr)?;
                self.push(Node::Not(is_null), expr)
            }
            E::InList { expr: value, list, negated } => {
                let value = self.convert(value)?;
                let list = self.convert_all(list)?;
                self.negatable(Node::In(value, list), *negated, expr)
            }
            E::Between { expr: value, negated, low, high } => {
                let node =
                    Node::Between(self.convert(value)?, self.convert(low)?, self.convert(high)?);
                self.negatable(node, *negated, expr)
            }
            E::Like { negated, any: false, expr: words, pattern, escape_char: None } => {
                let node = Node::Like(self.convert(words)?, self.convert(pattern)?);
                self.negatable(node, *negated, expr)
            }
            E::ILike { negated, any: false, expr: words, pattern, escape_char: None } => {
                let node = Node::Ilike(self.convert(words)?, self.convert(pattern)?);
                self.negatable(node, *negated, expr)
            }
            E::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), expr)
            }
            E::Cast { expr: inner, data_type, format: None, array: false, .. } => {
                let to = self.cast_to(data_type, expr)?;
                self.one(|at| Node::Cast(at, to), inner, expr)
            }
            E::Extract { field, expr: inner, .. } => self.extract(&field.to_string(), inner, expr),
            E::Ceil { expr: inner, field } => self.whole(Function::Ceil, inner, field, expr),
            E::Floor { expr: inner, field } => self.whole(Function::Floor, inner, field, expr),
            E::Substring { expr: words, substring_from: Some(from), substring_for, .. } => {
                let mut arguments = vec![self.convert(words)?, self.convert(from)?];
                if let Some(length) = substring_for {
                    arguments.push(self.convert(length)?);
                }
                self.push(Node::Call(Function::Substr, arguments), expr)
            }
            E::Trim { trim_where, trim_what: None, expr: inner, trim_characters: None } => {
                let function = match trim_where {
                    None | Some(TrimWhereField::Both) => Function::Trim,
                    Some(TrimWhereField::Leading) => Function::Ltrim,
                    Some(TrimWhereField::Trailing) => Function::Rtrim,
                };
                self.one(|at| Node::Call(function, vec![at]), inner, expr)
            }
            E::Function(function) => self.call(function, expr),
            E::Subquery(_) | E::InSubquery { .. } | E::Exists { .. } => {
                self.refuse(expr, "a subquery has no place here", ROW_WISE)
            }
            other => self.refuse(
                expr,
                &format!("`{}` is outside of what expressions can say", short(other)),
                "say it with the operators and functions of row-wise expressions, or use `sql:`",
            ),
        }
    }

    fn convert_all(&mut self, list: &[ast::Expr]) -> Result<Vec<At>> {
        list.iter().map(|item| self.convert(item)).collect()
    }

    fn one(
        &mut self,
        node: impl Fn(At) -> Node,
        operand: &ast::Expr,
        at: &ast::Expr,
    ) -> Result<At> {
        let operand = self.convert(operand)?;
        self.push(node(operand), at)
    }

    fn negatable(&mut self, node: Node, negated: bool, at: &ast::Expr) -> Result<At> {
        let positive = self.push(node, at)?;
        if negated { self.push(Node::Not(positive), at) } else { Ok(positive) }
    }

    fn literal(&self, value: &Value, at: &ast::Expr) -> Result<Node> {
        Ok(match value {
            Value::Number(digits, _) => match digits.parse::<f64>() {
                Ok(number) if number.is_finite() => Node::Number(number),
                _ => return self.refuse(at, &format!("`{digits}` is no number"), "write digits"),
            },
            Value::SingleQuotedString(word) => Node::Word(word.clone()),
            Value::Boolean(value) => Node::Boolean(*value),
            Value::Null => Node::Null,
            other => {
                return self.refuse(
                    at,
                    &format!("`{other}` is outside of what expressions can say"),
                    "words stand in single quotes, columns plain or in double quotes",
                );
            }
        })
    }

    fn moment(&mut self, typed: &ast::TypedString, at: &ast::Expr) -> Result<At> {
        let text = typed.value.value.clone().into_string().unwrap_or_default();
        let known = matches!(typed.data_type, DataType::Date | DataType::Timestamp(..));
        match moments::read(&text).filter(|_| known) {
            Some(micros) => self.push(Node::Moment(micros), at),
            None => self.refuse(
                at,
                &format!("`{at}` is no moment"),
                "write DATE '2024-05-01' or TIMESTAMP '2024-05-01 12:30:00'",
            ),
        }
    }

    fn unary(&mut self, op: &UnaryOperator, inner: &ast::Expr, at: &ast::Expr) -> Result<At> {
        let operand = self.convert(inner)?;
        match op {
            UnaryOperator::Not => self.push(Node::Not(operand), at),
            UnaryOperator::Plus => Ok(operand),
            UnaryOperator::Minus => {
                // A negative number is one literal, so that it prints as it was written.
                if let Some(Node::Number(value)) = self.nodes.last_mut() {
                    *value = -*value;
                    return Ok(operand);
                }
                self.push(Node::Negate(operand), at)
            }
            other => self.refuse(
                at,
                &format!("the operator `{other}` is outside of what expressions can say"),
                "use - + NOT, or a function",
            ),
        }
    }

    /// `a + b + c` is as deep as it is long: its left side is walked by a loop.
    fn binary_chain(&mut self, expr: &ast::Expr) -> Result<At> {
        let mut chain = Vec::new();
        let mut first = expr;
        while let ast::Expr::BinaryOp { left, op, right } = first {
            chain.push((first, op, right));
            first = left;
        }
        let mut left = self.convert(first)?;
        for (whole, op, right) in chain.into_iter().rev() {
            let operator = self.operator(op, whole)?;
            let right = self.convert(right)?;
            left = self.push(Node::Binary(operator, left, right), whole)?;
        }
        Ok(left)
    }

    fn operator(&self, op: &BinaryOperator, at: &ast::Expr) -> Result<Operator> {
        Ok(match op {
            BinaryOperator::Plus => Operator::Add,
            BinaryOperator::Minus => Operator::Subtract,
            BinaryOperator::Multiply => Operator::Multiply,
            BinaryOperator::Divide => Operator::Divide,
            BinaryOperator::Modulo => Operator::Modulo,
            BinaryOperator::Eq => Operator::Equal,
            BinaryOperator::NotEq => Operator::NotEqual,
            BinaryOperator::Lt => Operator::Less,
            BinaryOperator::LtEq => Operator::LessOrEqual,
            BinaryOperator::Gt => Operator::Greater,
            BinaryOperator::GtEq => Operator::GreaterOrEqual,
            BinaryOperator::And => Operator::And,
            BinaryOperator::Or => Operator::Or,
            BinaryOperator::StringConcat => Operator::Concat,
            other => {
                return self.refuse(
                    at,
                    &format!("the operator `{other}` is outside of what expressions can say"),
                    "known are + - * / % || = <> < <= > >= AND OR",
                );
            }
        })
    }

    fn case(
        &mut self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
        at: &ast::Expr,
    ) -> Result<At> {
        let operand = operand.map(|e| self.convert(e)).transpose()?;
        let arms = conditions
            .iter()
            .map(|arm| Ok((self.convert(&arm.condition)?, self.convert(&arm.result)?)))
            .collect::<Result<_>>()?;
        let otherwise = otherwise.map(|e| self.convert(e)).transpose()?;
        self.push(Node::Case(Case { operand, arms, otherwise }), at)
    }

    fn cast_to(&self, data_type: &DataType, at: &ast::Expr) -> Result<CastTo> {
        use DataType as D;
        Ok(match data_type {
            D::Double(_) | D::DoublePrecision | D::Float8 | D::Float64 => CastTo::Double,
            D::BigInt(_) | D::Int8(_) | D::Int64 => CastTo::Bigint,
            D::Varchar(None) | D::Text | D::String(None) => CastTo::Varchar,
            D::Boolean | D::Bool => CastTo::Boolean,
            D::Timestamp(None, _) => CastTo::Timestamp,
            other => {
                return self.refuse(
                    at,
                    &format!("cannot cast to `{other}`"),
                    "known are double, bigint, varchar, boolean and timestamp",
                );
            }
        })
    }

    fn extract(&mut self, part: &str, inner: &ast::Expr, at: &ast::Expr) -> Result<At> {
        match Part::named(part) {
            Some(part) => self.one(|operand| Node::Extract(part, operand), inner, at),
            None => self.refuse(
                at,
                &format!("unknown part `{}` of a moment", part.to_lowercase()),
                format!("known are {}", Part::names(|_| true)),
            ),
        }
    }

    fn whole(
        &mut self,
        function: Function,
        inner: &ast::Expr,
        field: &CeilFloorKind,
        at: &ast::Expr,
    ) -> Result<At> {
        match field {
            CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => {
                self.one(|operand| Node::Call(function, vec![operand]), inner, at)
            }
            _ => self.refuse(
                at,
                &format!("{} takes 1 argument", function.name()),
                "use ROUND(x, digits) for digits and DATE_TRUNC for moments",
            ),
        }
    }

    fn call(&mut self, call: &ast::Function, at: &ast::Expr) -> Result<At> {
        let name = call.name.to_string();
        if call.over.is_some() || is_aggregate(&name) {
            return self.refuse(at, &format!("`{name}` looks at more than its row"), ROW_WISE);
        }
        let arguments = self.arguments(call, at)?;
        if ["DATE_TRUNC", "DATE_PART"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return self.date_call(&name, &arguments, at);
        }
        let Some(function) = Function::named(&name) else {
            return self.refuse(at, &format!("unknown function `{name}`"), hint_for(&name));
        };
        if !function.takes(arguments.len()) {
            return self.refuse(
                at,
                &format!("`{name}` has {} arguments", arguments.len()),
                format!("it takes {}", function.arity_words()),
            );
        }
        let arguments = arguments.into_iter().map(|e| self.convert(e)).collect::<Result<_>>()?;
        self.push(Node::Call(function, arguments), at)
    }

    /// The plain arguments of a call that has nothing else.
    fn arguments<'e>(&self, call: &'e ast::Function, at: &ast::Expr) -> Result<Vec<&'e ast::Expr>> {
        let odd = || {
            let problem = format!("`{}` has more than plain arguments", call.name);
            self.refuse(at, &problem, "write NAME(argument, argument)")
        };
        let FunctionArguments::List(list) = &call.args else { return odd() };
        let plain = call.parameters == FunctionArguments::None
            && call.filter.is_none()
            && call.null_treatment.is_none()
            && call.within_group.is_empty()
            && !call.uses_odbc_syntax
            && list.duplicate_treatment.is_none()
            && list.clauses.is_empty();
        let arguments: Option<Vec<_>> = list
            .args
            .iter()
            .map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect();
        arguments.filter(|_| plain).map_or_else(odd, Ok)
    }

    fn date_call(&mut self, name: &str, arguments: &[&ast::Expr], at: &ast::Expr) -> Result<At> {
        let part = match arguments {
            [ast::Expr::Value(value), _] => value.value.clone().into_string(),
            _ => None,
        };
        let (Some(part), Some(moment)) = (part, arguments.get(1)) else {
            return self.refuse(
                at,
                &format!("`{name}` takes a part in quotes and a moment"),
                format!("write {name}('month', column)"),
            );
        };
        if name.eq_ignore_ascii_case("DATE_PART") {
            return self.extract(&part, moment, at);
        }
        match Part::named(&part).filter(|p| p.truncates()) {
            Some(part) => self.one(|operand| Node::DateTrunc(part, operand), moment, at),
            None => self.refuse(
                at,
                &format!("cannot cut a moment at `{part}`"),
                format!("known are {}", Part::names(Part::truncates)),
            ),
        }
    }
}

/// The beginning of what was written, for a message.
fn short(expr: &ast::Expr) -> String {
    let text = expr.to_string();
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}
