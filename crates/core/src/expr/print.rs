//! From tree to text: SQL that parses to an equal tree.

use sqlparser::keywords::ALL_KEYWORDS;

use super::moments;
use super::tree::{At, Case, Family, Node};

/// The text of each node is made from those of its operands, so depth costs no stack.
pub(super) fn print(nodes: &[Node]) -> String {
    let mut printer = Printer { nodes, texts: Vec::with_capacity(nodes.len()) };
    for node in nodes {
        let text = printer.node(node);
        printer.texts.push(text);
    }
    printer.texts.pop().unwrap_or_default()
}

struct Printer<'a> {
    nodes: &'a [Node],
    texts: Vec<String>,
}

impl Printer<'_> {
    fn node(&mut self, node: &Node) -> String {
        match node {
            Node::Column(name) => column(name),
            Node::Number(value) => number(*value),
            Node::Word(word) => quoted(word),
            Node::Boolean(true) => "TRUE".into(),
            Node::Boolean(false) => "FALSE".into(),
            Node::Moment(micros) => format!("TIMESTAMP '{}'", moments::write(*micros)),
            Node::Null => "NULL".into(),
            Node::Not(a) => format!("NOT {}", self.atom(*a)),
            Node::Negate(a) => format!("-{}", self.atom(*a)),
            Node::IsNull(a) => format!("{} IS NULL", self.atom(*a)),
            Node::Binary(operator, a, b) => {
                let left = self.left(*a, operator.family());
                format!("{left} {} {}", operator.symbol(), self.atom(*b))
            }
            Node::In(a, list) => format!("{} IN ({})", self.atom(*a), self.list(list)),
            Node::Between(a, low, high) => {
                format!("{} BETWEEN {} AND {}", self.atom(*a), self.atom(*low), self.atom(*high))
            }
            Node::Like(a, pattern) => format!("{} LIKE {}", self.atom(*a), self.atom(*pattern)),
            Node::Ilike(a, pattern) => format!("{} ILIKE {}", self.atom(*a), self.atom(*pattern)),
            Node::Case(case) => self.case(case),
            Node::Cast(a, to) => format!("CAST({} AS {})", self.bare(*a), to.name()),
            Node::Call(function, arguments) => {
                format!("{}({})", function.name(), self.list(arguments))
            }
            Node::Extract(part, a) => format!("EXTRACT({} FROM {})", part.name(), self.bare(*a)),
            Node::DateTrunc(part, a) => {
                let part = part.name().to_ascii_lowercase();
                format!("DATE_TRUNC('{part}', {})", self.bare(*a))
            }
        }
    }

    /// The text of an operand, taken: each operand has one parent.
    fn bare(&mut self, at: At) -> String {
        self.texts.get_mut(at as usize).map(std::mem::take).unwrap_or_default()
    }

    fn list(&mut self, list: &[At]) -> String {
        list.iter().map(|&at| self.bare(at)).collect::<Vec<_>>().join(", ")
    }

    /// In parentheses, unless it cannot fall apart.
    fn atom(&mut self, at: At) -> String {
        let text = self.bare(at);
        let whole = match self.nodes.get(at as usize) {
            Some(Node::Number(value)) => value.is_sign_positive(),
            Some(
                Node::Column(_)
                | Node::Word(_)
                | Node::Boolean(_)
                | Node::Moment(_)
                | Node::Null
                | Node::Case(_)
                | Node::Cast(..)
                | Node::Call(..)
                | Node::Extract(..)
                | Node::DateTrunc(..),
            ) => true,
            _ => false,
        };
        if whole { text } else { format!("({text})") }
    }

    /// A left operand of the same family needs no parentheses: chains grow to the left.
    fn left(&mut self, at: At, family: Family) -> String {
        match self.nodes.get(at as usize) {
            Some(Node::Binary(operator, ..))
                if operator.family() == family && family != Family::Comparison =>
            {
                self.bare(at)
            }
            _ => self.atom(at),
        }
    }

    fn case(&mut self, case: &Case) -> String {
        let mut text = "CASE".to_string();
        if let Some(operand) = case.operand {
            text.push_str(&format!(" {}", self.atom(operand)));
        }
        for &(when, then) in &case.arms {
            text.push_str(&format!(" WHEN {} THEN {}", self.atom(when), self.atom(then)));
        }
        if let Some(otherwise) = case.otherwise {
            text.push_str(&format!(" ELSE {}", self.atom(otherwise)));
        }
        text + " END"
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        format!("{value:?}")
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "''"))
}

/// Plain where that cannot be read as anything else.
fn column(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && ALL_KEYWORDS.binary_search(&name.to_ascii_uppercase().as_str()).is_err();
    if plain { name.into() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
