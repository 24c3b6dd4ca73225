//! What a JSON Schema says about the form of a value.

use serde_json::Value;

use crate::document::{Node, NodeKind};

/// References are followed this far; a longer chain goes in a circle.
const MOST_HOPS: usize = 32;

/// The kinds of value that a schema takes, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    /// Numbers with a fraction; what takes them takes whole ones too.
    pub(super) const FRACTION: Self = Self(8);
    pub(super) const TEXT: Self = Self(16);
    pub(super) const LIST: Self = Self(32);
    pub(super) const BLOCK: Self = Self(64);
    const NONE: Self = Self(0);
    const ALL: Self = Self(127);

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::INTEGER.or(Self::FRACTION),
            "string" => Self::TEXT,
            "array" => Self::LIST,
            "object" => Self::BLOCK,
            _ => Self::ALL,
        }
    }

    fn of_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.is_f64() => Self::FRACTION,
            Value::Number(_) => Self::INTEGER,
            Value::String(_) => Self::TEXT,
            Value::Array(_) => Self::LIST,
            Value::Object(_) => Self::BLOCK,
        }
    }

    fn of(node: &Node) -> Self {
        match node.kind {
            NodeKind::Null => Self::NULL,
            NodeKind::Bool(_) => Self::BOOLEAN,
            NodeKind::Int(_) => Self::INTEGER,
            NodeKind::Float(_) => Self::FRACTION,
            NodeKind::Text(_) => Self::TEXT,
            NodeKind::List(_) => Self::LIST,
            NodeKind::Map(_) => Self::BLOCK,
        }
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of `other` is among them.
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Whether a value of this kind can fit.
    pub(super) fn take(self, node: &Node) -> bool {
        self.has(Self::of(node))
    }
}

/// A schema with its definitions.
pub(super) struct Schemas<'s> {
    root: &'s Value,
}

impl<'s> Schemas<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        Self { root }
    }

    /// What the schema's `$ref` refers to, through further references that stand alone.
    pub(super) fn referred(&self, schema: &'s Value) -> Option<&'s Value> {
        let mut target = self.hop(schema)?;
        for _ in 0..MOST_HOPS {
            match self.hop(target) {
                // What stands beside a reference counts as well, so it is no mere stop-over.
                Some(next) if only_refers(target) => target = next,
                Some(next) if std::ptr::eq(next, target) => return None,
                _ => return Some(target),
            }
        }
        None
    }

    fn hop(&self, schema: &'s Value) -> Option<&'s Value> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// The kinds that the schema's own words allow, alternatives and references aside.
    pub(super) fn own_kinds(&self, schema: &Value) -> Kinds {
        let typed = match schema.get("type") {
            Some(Value::String(name)) => Kinds::named(name),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .fold(Kinds::NONE, |kinds, name| kinds.or(Kinds::named(name))),
            _ => Kinds::ALL,
        };
        match schema.get("type") {
            None => typed,
            Some(_) if typed == Kinds::NONE => Kinds::ALL,
            Some(_) => typed,
        }
    }

    /// The kinds that a value needs to have a chance of fitting.
    pub(super) fn kinds(&self, schema: &'s Value) -> Kinds {
        self.kinds_within(schema, MOST_HOPS)
    }

    fn kinds_within(&self, schema: &'s Value, hops: usize) -> Kinds {
        if schema == &Value::Bool(false) {
            return Kinds::NONE;
        }
        let Some(hops) = hops.checked_sub(1) else { return Kinds::ALL };
        let mut kinds = self.own_kinds(schema);
        if let Some(words) = allowed(schema) {
            let of_words = words.iter().fold(Kinds::NONE, |k, w| k.or(Kinds::of_json(w)));
            kinds = kinds.and(of_words);
        }
        if let Some(target) = self.referred(schema) {
            kinds = kinds.and(self.kinds_within(target, hops));
        }
        for part in list(schema, "allOf") {
            kinds = kinds.and(self.kinds_within(part, hops));
        }
        for union in ["anyOf", "oneOf"] {
            if schema.get(union).is_some() {
                let each = list(schema, union).iter();
                let any = each.fold(Kinds::NONE, |k, s| k.or(self.kinds_within(s, hops)));
                kinds = kinds.and(any);
            }
        }
        kinds
    }

    /// The alternatives of a schema, those of its alternatives included; itself when it has none.
    pub(super) fn leaves(&self, schema: &'s Value) -> Vec<&'s Value> {
        let mut leaves = Vec::new();
        self.gather(schema, MOST_HOPS, &mut leaves);
        leaves
    }

    /// The alternatives below one union of a schema.
    pub(super) fn branches(&self, schema: &'s Value, union: &str) -> Vec<&'s Value> {
        let mut leaves = Vec::new();
        for branch in list(schema, union) {
            self.gather(branch, MOST_HOPS, &mut leaves);
        }
        leaves
    }

    fn gather(&self, schema: &'s Value, hops: usize, leaves: &mut Vec<&'s Value>) {
        const MOST_LEAVES: usize = 1000;
        let Some(hops) = hops.checked_sub(1).filter(|_| leaves.len() < MOST_LEAVES) else {
            return;
        };
        if only_refers(schema)
            && let Some(target) = self.referred(schema)
        {
            return self.gather(target, hops, leaves);
        }
        let union = ["anyOf", "oneOf"].into_iter().find(|union| only(schema, union));
        match union {
            Some(union) => {
                list(schema, union).iter().for_each(|branch| self.gather(branch, hops, leaves));
            }
            None => leaves.push(schema),
        }
    }

    /// The keys that a block may have by any part of the schema, with what they hold; the second
    /// value is whether other keys are refused.
    pub(super) fn properties(&self, schema: &'s Value) -> Vec<(&'s str, &'s Value)> {
        let mut found = Vec::new();
        self.gather_properties(schema, MOST_HOPS, &mut found);
        found
    }

    fn gather_properties(
        &self,
        schema: &'s Value,
        hops: usize,
        found: &mut Vec<(&'s str, &'s Value)>,
    ) {
        let Some(hops) = hops.checked_sub(1) else { return };
        if let Some(own) = schema.get("properties").and_then(Value::as_object) {
            found.extend(own.iter().map(|(key, value)| (key.as_str(), value)));
        }
        if let Some(target) = self.referred(schema) {
            self.gather_properties(target, hops, found);
        }
        for union in ["allOf", "anyOf", "oneOf"] {
            for part in list(schema, union) {
                self.gather_properties(part, hops, found);
            }
        }
    }
}

/// The values that `const` or `enum` allows.
pub(super) fn allowed(schema: &Value) -> Option<Vec<&Value>> {
    match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
        (Some(one), _) => Some(vec![one]),
        (None, Some(several)) => Some(several.iter().collect()),
        (None, None) => None,
    }
}

/// The schemas of a keyword that holds several.
pub(super) fn list<'s>(schema: &'s Value, keyword: &str) -> &'s [Value] {
    schema.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn only_refers(schema: &Value) -> bool {
    only(schema, "$ref")
}

/// Whether a schema says nothing but this keyword, comments aside.
fn only(schema: &Value, keyword: &str) -> bool {
    const SILENT: [&str; 9] = [
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "$schema",
        "$defs",
        "readOnly",
        "$comment",
    ];
    schema.as_object().is_some_and(|object| {
        object.contains_key(keyword)
            && object.keys().all(|k| k == keyword || SILENT.contains(&k.as_str()))
    })
}
