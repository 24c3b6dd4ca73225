//! The name that was probably meant.

/// The name among `known` that `name` was probably meant to be, if one is close enough: at most
/// one slip of the keyboard, and one more for every four letters.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A name longer than this is no slip of the keyboard, and comparing it would take long.
    const LONGEST: usize = 100;
    if name.len() > LONGEST {
        return None;
    }
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .filter(|k| k.len() <= LONGEST)
        .map(|k| (strsim::damerau_levenshtein(&wanted, &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= 1 + k.chars().count().min(name.chars().count()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

/// Names in backticks as a sentence lists them, cut where a person would stop reading.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    const SHOWN: usize = 16;
    let names: Vec<&str> = names.into_iter().collect();
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect();
    if names.len() > SHOWN {
        shown.push(format!("{} more", names.len() - SHOWN));
    }
    join(&shown, last)
}

/// Phrases as a sentence lists them: `a, b or c`, where `last` is `or`.
pub(crate) fn join(phrases: &[String], last: &str) -> String {
    match phrases {
        [] => String::new(),
        [only] => only.clone(),
        [start @ .., end] => format!("{} {last} {end}", start.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(nearest(name, ["age", "target", "tenure"]), expected);
    }

    #[test]
    fn a_slip_of_the_keyboard_is_understood() {
        check("targt", Some("target"));
        check("Tenure", Some("tenure"));
        check("tagret", Some("target"));
    }

    #[test]
    fn another_word_is_not() {
        check("zebra", None);
        check("", None);
        check(&"x".repeat(1000), None);
    }

    #[test]
    fn a_long_list_is_cut() {
        let names: Vec<String> = (0..20).map(|i| i.to_string()).collect();
        let text = list(names.iter().map(String::as_str), "and");
        assert!(text.ends_with("`15` and 4 more"), "{text}");
        assert_eq!(list(["a", "b"], "or"), "`a` or `b`");
    }
}
