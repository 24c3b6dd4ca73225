//! Dotted paths: `data.split.test`, `features.0.impute`, `types."a.b"`.

/// One step of a dotted path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment(String);

impl Segment {
    /// The steps of a path, none for an empty one; nothing when a step is empty or a quote is
    /// not closed.
    pub(super) fn parse(path: &str) -> Option<Vec<Self>> {
        let mut segments = Vec::new();
        let mut rest = path;
        while !rest.is_empty() {
            let (segment, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
            };
            rest = match after.strip_prefix('.') {
                Some("") => return None,
                Some(next) => next,
                None if after.is_empty() => "",
                None => return None,
            };
            if segment.is_empty() {
                return None;
            }
            segments.push(Self(segment.to_owned()));
        }
        Some(segments)
    }

    pub(super) fn key(&self) -> &str {
        &self.0
    }

    /// The position in a list that it stands for, from 0.
    pub(super) fn index(&self) -> Option<usize> {
        self.0.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<&[&str]>) {
        let found = Segment::parse(path);
        let found: Option<Vec<&str>> = found.as_ref().map(|s| s.iter().map(|s| s.key()).collect());
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn dots_part_the_steps_and_quotes_protect_them() {
        check("", Some(&[]));
        check("data.split.test", Some(&["data", "split", "test"]));
        check("types.\"a.b\".c", Some(&["types", "a.b", "c"]));
    }

    #[test]
    fn a_path_with_a_hole_is_none() {
        for path in [".", "a.", ".a", "a..b", "\"a", "\"a\"b", "\"\""] {
            check(path, None);
        }
    }
}
