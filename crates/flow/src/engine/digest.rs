//! Content as a fixed name: BLAKE3 digests, and the one spelling of JSON that they are made of.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer, de};
use serde_json::Value;

/// A BLAKE3 digest of 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    ///
    /// ```
    /// # use gristmill_flow::Digest;
    /// // The first test vector of the BLAKE3 specification: no bytes at all.
    /// assert!(Digest::of(b"").to_string().starts_with("af1349b9f5f9a1a6"));
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The digest of a JSON value, whatever the order of its keys. `domain` says what the value
    /// means, so that equal values of different meaning differ.
    pub fn of_json(domain: &str, value: &Value) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(domain.as_bytes());
        hasher.update(b"\n");
        hasher.update(canonical_json(value).as_bytes());
        Self::finish(&hasher)
    }

    pub(super) fn finish(hasher: &blake3::Hasher) -> Self {
        Self(*hasher.finalize().as_bytes())
    }

    /// A number from 0 to below 1, spread evenly over digests.
    pub(super) fn share(&self) -> f64 {
        let [a, b, c, d, ..] = self.0;
        f64::from(u32::from_le_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }

    /// The first two hexadecimal digits: the folder that entries are spread over.
    pub(super) fn shard(&self) -> String {
        self.to_string().chars().take(2).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || format!("`{text}` is no digest, expected 64 hexadecimal digits");
        let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let hash = blake3::Hash::from_hex(text).map_err(|_| refuse())?;
        if lower { Ok(Self(*hash.as_bytes())) } else { Err(refuse()) }
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A JSON value in its one spelling: keys sorted by their bytes, no spaces, numbers as
/// `serde_json` writes them (so `1` and `1.0` differ).
///
/// ```
/// # use gristmill_flow::canonical_json;
/// let value = serde_json::json!({"b": [1, 2.5], "a": null});
/// assert_eq!(canonical_json(&value), r#"{"a":null,"b":[1,2.5]}"#);
/// ```
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(object) => {
            // Sorted here, since the map keeps the order of insertion under one of its features.
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(object.get(key).unwrap_or(&Value::Null), text);
            }
            text.push('}');
        }
        single => text.push_str(&single.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,4}", inner), 0..4)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_spelling_does_not_depend_on_the_order_of_keys(
            pairs in prop::collection::btree_map(".{0,4}", value(), 0..5)
        ) {
            let object = |reverse: bool| {
                let mut pairs: Vec<_> = pairs.clone().into_iter().collect();
                if reverse {
                    pairs.reverse();
                }
                Value::Object(pairs.into_iter().collect())
            };
            prop_assert_eq!(canonical_json(&object(false)), canonical_json(&object(true)));
        }

        #[test]
        fn the_spelling_is_json_and_says_the_same(value in value()) {
            let back: Value = serde_json::from_str(&canonical_json(&value)).unwrap();
            prop_assert_eq!(canonical_json(&back), canonical_json(&value));
            prop_assert_eq!(back, value);
        }

        #[test]
        fn digests_survive_being_written(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let digest = Digest::of(&bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
        }
    }

    #[test]
    fn the_domain_parts_equal_values() {
        let value = serde_json::json!({"a": 1});
        assert_ne!(Digest::of_json("key", &value), Digest::of_json("output", &value));
        assert_eq!(Digest::of_json("key", &value), Digest::of_json("key", &value));
    }

    #[test]
    fn other_words_are_no_digest() {
        for text in ["", "abc", &"g".repeat(64), &"A".repeat(64), &"0".repeat(65)] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
