//! Which version of a model answers a request that names none, and which is asked the same for comparison.

use std::collections::BTreeMap;

use gristmill_core::Seed;

/// How requests to a model by its name alone are divided among its versions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routing {
    /// Which version each alias of the model names.
    pub aliases: BTreeMap<String, String>,
    /// A version that answers a share of them.
    pub split: Option<Split>,
    /// A version that is asked the same, and whose answers are only compared.
    pub shadow: Option<String>,
}

/// A version that answers a share of the requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The version.
    pub version: String,
    /// Its share, in `[0, 1]`.
    pub share: f64,
    /// What decides whose requests they are.
    pub lot: Lot,
    /// What for.
    pub purpose: Purpose,
}

/// What a version answers a share of the requests for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To see that it works.
    Canary,
    /// To be compared with this version by what becomes of the requests: only while that is the model's
    /// own one.
    AbTest {
        /// The version that it is compared with.
        control: String,
    },
}

/// Draws a number for each key that stays the same for as long as there are requests with this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot(Seed);

impl Lot {
    /// That of a model. Whoever was among 5 of 100 requests is among 20 of them too.
    pub fn of_model(model: &str) -> Self {
        Self(Seed(0).named(model))
    }

    /// That of a model's A/B test of this number, so that each test divides anew.
    pub fn of_test(model: &str, number: u64) -> Self {
        Self(Seed(0).named(model).numbered(number))
    }

    /// That of what is kept of a model's requests, so that it is not the requests of a canary.
    pub fn of_log(model: &str) -> Self {
        Self(Seed(0).named(model).named("predictions"))
    }

    /// Whether a share of all keys, in `[0, 1]`, has this one.
    pub fn takes(self, key: &str, share: f64) -> bool {
        let drawn = (self.0.named(key).0 >> 11) as f64 * (1.0 / (1_u64 << 53) as f64);
        drawn < share
    }
}

/// As what a version answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// As the model's own version.
    Main,
    /// As a canary.
    Canary,
    /// As the version that an A/B test compares with.
    Control,
    /// As the version that an A/B test tries.
    Treatment,
    /// As the version that the request names.
    Named,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Main, Self::Canary, Self::Control, Self::Treatment, Self::Named];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Canary => "canary",
            Self::Control => "control",
            Self::Treatment => "treatment",
            Self::Named => "named",
        }
    }
}

impl Routing {
    /// As what which version answers a request with this key, where `main` is the model's own one;
    /// nothing for the version where that is it.
    pub fn choose(&self, main: &str, key: &str) -> (Part, Option<&str>) {
        let Some(split) = &self.split else { return (Part::Main, None) };
        let taken = split.lot.takes(key, split.share);
        match &split.purpose {
            Purpose::AbTest { control } if control != main => (Part::Main, None),
            Purpose::AbTest { .. } if taken => (Part::Treatment, Some(&split.version)),
            Purpose::AbTest { .. } => (Part::Control, None),
            Purpose::Canary if taken => (Part::Canary, Some(&split.version)),
            Purpose::Canary => (Part::Main, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(share: f64, purpose: Purpose) -> Routing {
        let lot = Lot::of_test("churn", 4);
        let split = Some(Split { version: "2".into(), share, lot, purpose });
        Routing { split, ..Routing::default() }
    }

    fn taken(routing: &Routing, of: usize) -> usize {
        (0..of).filter(|n| routing.choose("1", &n.to_string()).1.is_some()).count()
    }

    #[test] // by hand: 10,000 requests at 0.1 give 1,000, with a deviation of 30
    fn a_canary_gets_its_share_and_the_same_keys_each_time() {
        let routing = split(0.1, Purpose::Canary);
        let count = taken(&routing, 10_000);
        assert!((880..1120).contains(&count), "{count}");
        let chosen = routing.choose("1", "customer 7");
        assert!((0..100).all(|_| routing.choose("1", "customer 7") == chosen));
        assert_eq!(
            (taken(&split(0.0, Purpose::Canary), 100), taken(&split(1.0, Purpose::Canary), 100)),
            (0, 100)
        );
    }

    #[test]
    fn whoever_was_in_a_small_share_is_in_a_greater_one() {
        let lot = Lot::of_model("churn");
        let keys: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        assert!(keys.iter().filter(|key| lot.takes(key, 0.05)).all(|key| lot.takes(key, 0.2)));
        let other = Lot::of_test("churn", 1);
        assert!(keys.iter().any(|key| lot.takes(key, 0.5) != other.takes(key, 0.5)));
    }

    #[test]
    fn a_test_divides_only_while_its_control_is_the_models_own_version() {
        let routing = split(1.0, Purpose::AbTest { control: "1".into() });
        assert_eq!(routing.choose("1", "a"), (Part::Treatment, Some("2")));
        assert_eq!(routing.choose("3", "a"), (Part::Main, None));
        let routing = split(0.0, Purpose::AbTest { control: "1".into() });
        assert_eq!(routing.choose("1", "a"), (Part::Control, None));
    }
}
