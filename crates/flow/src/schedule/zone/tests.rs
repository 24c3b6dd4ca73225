//! The rules of the module against a walk over every minute, which follows a clock on the wall.

use std::collections::BTreeSet;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

/// What someone would note down who looks at a clock every minute: the minutes that are named,
/// by the hours those that are shown, by the clock those that are shown for the first time or
/// were jumped over.
fn watch(cron: &Cron, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let minute = SignedDuration::from_mins(1);
    let named = |time: DateTime| cron.at_or_after(time) == Some(time);
    let (mut now, mut shown) = (from, zone.to_datetime(from));
    let (mut seen, mut noted) = (BTreeSet::from([shown]), Vec::new());
    while now < to {
        now += minute;
        let mut expected = shown.checked_add(1.minute()).unwrap();
        shown = zone.to_datetime(now);
        let mut due = named(shown) && (cron.every_hour() || !seen.contains(&shown));
        while expected < shown {
            due |= named(expected) && !cron.every_hour();
            expected = expected.checked_add(1.minute()).unwrap();
        }
        seen.insert(shown);
        noted.extend(due.then_some(now));
    }
    noted
}

#[track_caller]
fn check(expression: &str, zone: &str, around: Timestamp) {
    let cron = Cron::parse(expression).unwrap();
    let tz = TimeZone::get(zone).unwrap();
    // So long that a day which is repeated or left out lies within.
    let hours = |hours| around + SignedDuration::from_hours(hours);
    let (from, to) = (hours(-30), hours(40));
    let found: Vec<Timestamp> =
        std::iter::successors(next(&cron, &tz, from), |last| next(&cron, &tz, *last))
            .take_while(|moment| *moment <= to)
            .collect();
    assert_eq!(found, watch(&cron, &tz, from, to), "{expression} in {zone} around {around}");
}

/// The turns of clocks in these zones: by an hour, by half of it, by two, at midnight, by a day,
/// one minute after midnight.
fn turns() -> Vec<(&'static str, Timestamp)> {
    let years = [
        ("Europe/Vienna", 2025),
        ("America/New_York", 2025),
        ("Australia/Lord_Howe", 2025),
        ("Antarctica/Troll", 2025),
        ("Africa/Cairo", 2025),
        ("Pacific/Apia", 2011),
        ("America/St_Johns", 2010),
        ("Africa/Casablanca", 2025),
    ];
    let mut turns = Vec::new();
    for (zone, year) in years {
        let tz = TimeZone::get(zone).unwrap();
        let start = tz.to_timestamp(date(year, 1, 1).at(0, 0, 0, 0)).unwrap();
        let end = start + SignedDuration::from_hours(366 * 24);
        let found = tz.following(start).map(|turn| turn.timestamp());
        turns.extend(found.take_while(|turn| *turn < end).map(|turn| (zone, turn)));
    }
    turns
}

#[test]
fn everyday_crons_agree_with_the_wall() {
    let turns = turns();
    assert!(turns.len() >= 16, "{turns:?}");
    for (zone, turn) in turns {
        for expression in [
            "* * * * *",
            "*/15 * * * *",
            "30 * * * *",
            "30 2 * * *",
            "0 0 * * *",
            "0 */2 * * *",
            "*/10 1-3 * * *",
            "45 1,23 * * *",
            "1 0 * * *",
            "0 3 30 * *",
            "59 23 L * *",
        ] {
            check(expression, zone, turn);
        }
    }
}

fn set(high: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("*".to_owned()),
        1 => (2..=high / 2).prop_map(|step| format!("*/{step}")),
        3 => (0..=high).prop_map(|number| number.to_string()),
        2 => (0..=high, 0..=high).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_cron_agrees_with_the_wall(
        minute in set(59), hour in set(23), turn in prop::sample::select(turns()),
    ) {
        check(&format!("{minute} {hour} * * *"), turn.0, turn.1);
    }
}
