//! Names for runs that nobody named: two words and a number, which follow from the run's id.

/// The name that goes with an id.
pub(crate) fn name(id: [u8; 16]) -> String {
    let [first, second, third, fourth, ..] = id;
    let word = |words: &[&'static str], byte: u8| {
        words.get(usize::from(byte) % words.len()).copied().unwrap_or_default()
    };
    let number = u16::from_be_bytes([third, fourth]) % 1000;
    format!("{}-{}-{number}", word(&MANNERS, first), word(&THINGS, second))
}

const MANNERS: [&str; 64] = [
    "amber", "apt", "ashen", "bold", "brisk", "bright", "broad", "calm", "civil", "clear", "close",
    "coarse", "cool", "crisp", "dapper", "deep", "dense", "dry", "eager", "early", "even", "fair",
    "fine", "firm", "fleet", "frank", "fresh", "gentle", "glad", "golden", "grand", "hale",
    "hardy", "honest", "keen", "kind", "light", "lively", "loyal", "mellow", "merry", "mild",
    "modest", "neat", "noble", "nimble", "pale", "patient", "plain", "polite", "prime", "quick",
    "quiet", "ready", "round", "sharp", "silent", "sober", "steady", "stout", "sunny", "sure",
    "tidy", "warm",
];

const THINGS: [&str; 64] = [
    "acorn", "alder", "anvil", "aspen", "barley", "barn", "beech", "bell", "birch", "bran",
    "brook", "burr", "chaff", "clover", "cog", "corn", "creek", "dam", "elm", "fern", "field",
    "flax", "flour", "furrow", "gable", "gear", "grain", "grist", "harrow", "harvest", "hay",
    "hazel", "heron", "hopper", "husk", "kernel", "larch", "lever", "linden", "loaf", "malt",
    "maple", "meadow", "meal", "mill", "millet", "oak", "oat", "orchard", "pond", "quern", "reed",
    "rye", "sack", "sail", "seed", "sheaf", "sieve", "sluice", "sorrel", "stone", "stream",
    "wheat", "wheel",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ids_have_equal_names() {
        assert_eq!(name([0; 16]), "amber-acorn-0");
        assert_eq!(name([255; 16]), "warm-wheel-535");
    }
}
