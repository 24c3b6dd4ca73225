use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1440 * MINUTE;

fn cron(cron: &str, timezone: &str) -> Schedule {
    let spec = ScheduleSpec {
        cron: Some(cron.into()),
        timezone: Some(timezone.into()),
        ..ScheduleSpec::default()
    };
    spec.check().unwrap_or_else(|e| panic!("{cron}: {e}"))
}

fn every(every: &str) -> Schedule {
    ScheduleSpec { every: Some(every.into()), ..ScheduleSpec::default() }.check().unwrap()
}

fn at(moment: &str) -> i64 {
    moment.parse::<Timestamp>().unwrap().as_microsecond()
}

#[track_caller]
fn refusal(yaml: serde_json::Value) -> String {
    let spec: ScheduleSpec = serde_json::from_value(yaml).unwrap();
    let error = spec.check().expect_err("a mistake");
    match &error.hint {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

mod clocks {
    use super::*;

    /// The moments of one day of a zone's calendar, with the offsets of that zone.
    #[track_caller]
    fn check<const N: usize>(zone: &str, expression: &str, day: &str, expected: [&str; N]) {
        let tz = TimeZone::get(zone).unwrap();
        let day: DateTime = day.parse().unwrap();
        let start = tz.to_zoned(day).unwrap();
        let end = tz.to_zoned(day.tomorrow().unwrap()).unwrap();
        let micros = |zoned: &Zoned| zoned.timestamp().as_microsecond() - 1;
        let found: Vec<String> = cron(expression, zone)
            .between(micros(&start), micros(&end))
            .map(|moment| timestamp(moment).to_zoned(tz.clone()).strftime("%H:%M%:z").to_string())
            .collect();
        assert_eq!(found, expected);
    }

    // All by hand. Vienna goes from 02:00 to 03:00 on 2025-03-30 and from 03:00 to 02:00 on
    // 2025-10-26; New York does so at 02:00 on 2025-03-09 and 2025-11-02; Lord Howe goes from
    // 02:00 to 02:30 on 2025-10-05 and from 02:00 to 01:30 on 2025-04-06; Cairo loses the hour
    // from midnight on 2025-04-25.

    #[test]
    fn a_time_that_is_jumped_over_is_right_after_the_jump() {
        check("Europe/Vienna", "30 2 * * *", "2025-03-30", ["03:00+02:00"]);
        check("America/New_York", "30 2 * * *", "2025-03-09", ["03:00-04:00"]);
        check("Australia/Lord_Howe", "15 2 * * *", "2025-10-05", ["02:30+11:00"]);
        check("Africa/Cairo", "0 0 * * *", "2025-04-25", ["01:00+03:00"]);
    }

    #[test]
    fn times_that_are_jumped_over_together_are_one_moment() {
        check("Europe/Vienna", "*/15 2 * * *", "2025-03-30", ["03:00+02:00"]);
        check("Europe/Vienna", "30 2,3 * * *", "2025-03-30", ["03:00+02:00", "03:30+02:00"]);
        check("Europe/Vienna", "0 2,3 * * *", "2025-03-30", ["03:00+02:00"]);
        check(
            "Europe/Vienna",
            "30 */2 * * sun#5",
            "2025-03-30",
            [
                "00:30+01:00",
                "03:00+02:00",
                "04:30+02:00",
                "06:30+02:00",
                "08:30+02:00",
                "10:30+02:00",
                "12:30+02:00",
                "14:30+02:00",
                "16:30+02:00",
                "18:30+02:00",
                "20:30+02:00",
                "22:30+02:00",
            ],
        );
    }

    #[test]
    fn a_time_that_comes_twice_counts_the_first_time() {
        check("Europe/Vienna", "30 2 * * *", "2025-10-26", ["02:30+02:00"]);
        check("America/New_York", "30 1 * * *", "2025-11-02", ["01:30-04:00"]);
        check("Australia/Lord_Howe", "45 1 * * *", "2025-04-06", ["01:45+11:00"]);
        check(
            "Europe/Vienna",
            "0,30 2,3 26 * *",
            "2025-10-26",
            ["02:00+02:00", "02:30+02:00", "03:00+01:00", "03:30+01:00"],
        );
    }

    #[test]
    fn a_cron_of_every_hour_goes_by_real_time() {
        let hours = |zone, expression, day| {
            let tz = TimeZone::get(zone).unwrap();
            let start = tz.to_zoned(format!("{day}T00:30").parse().unwrap()).unwrap();
            cron(expression, zone)
                .between(start.timestamp().as_microsecond(), i64::MAX)
                .take(8)
                .map(|m| timestamp(m).to_zoned(tz.clone()).strftime("%H:%M%:z").to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        insta::assert_snapshot!(hours("Europe/Vienna", "*/30 * * * *", "2025-10-26"), @"01:00+02:00 01:30+02:00 02:00+02:00 02:30+02:00 02:00+01:00 02:30+01:00 03:00+01:00 03:30+01:00");
        insta::assert_snapshot!(hours("Europe/Vienna", "*/30 * * * *", "2025-03-30"), @"01:00+01:00 01:30+01:00 03:00+02:00 03:30+02:00 04:00+02:00 04:30+02:00 05:00+02:00 05:30+02:00");
        insta::assert_snapshot!(hours("America/New_York", "15 * * * *", "2025-11-02"), @"01:15-04:00 01:15-05:00 02:15-05:00 03:15-05:00 04:15-05:00 05:15-05:00 06:15-05:00 07:15-05:00");
        insta::assert_snapshot!(hours("Australia/Lord_Howe", "*/20 * * * *", "2025-04-06"), @"00:40+11:00 01:00+11:00 01:20+11:00 01:40+11:00 01:40+10:30 02:00+10:30 02:20+10:30 02:40+10:30");
        insta::assert_snapshot!(hours("Australia/Lord_Howe", "15 * * * *", "2025-10-05"), @"01:15+10:30 03:15+11:00 04:15+11:00 05:15+11:00 06:15+11:00 07:15+11:00 08:15+11:00 09:15+11:00");
    }

    #[test]
    fn a_day_that_a_zone_leaves_out_is_right_after_it() {
        // Samoa went from the end of 2011-12-29 to the start of 2011-12-31.
        let schedule = cron("0 3 30 12 *", "Pacific/Apia");
        let next = schedule.after(at("2011-12-01T00:00:00Z")).unwrap();
        assert_eq!(next, at("2011-12-31T00:00:00+14:00"));
    }
}

#[test]
fn it_agrees_with_cronsim() {
    // `tests/crons.tsv` names the tool and its version. Where the hours are a mixture, cronsim
    // follows Vixie's rules for clocks that are turned, and is asked in UTC only. Croniter 7.0.0
    // agrees on 193 of the 196 crons in UTC that it can read; the other three name a day of the
    // month and an nth weekday, of which it does not take either.
    let mut unlike = Vec::new();
    for line in include_str!("tests/crons.tsv").lines().filter(|line| !line.starts_with('#')) {
        let parts: Vec<&str> = line.split('\t').collect();
        let [zone, expression, count, sum] = parts[..] else { panic!("{line}") };
        let year: i16 = if zone == "UTC" { 2024 } else { 2025 };
        let new_year = |year: i16| {
            let civil = jiff::civil::date(year, 1, 1).at(0, 0, 0, 0);
            TimeZone::get(zone).unwrap().to_timestamp(civil).unwrap().as_microsecond() - 1
        };
        let (mut found, mut checksum) = (0_u32, 0_u128);
        for moment in cron(expression, zone).between(new_year(year), new_year(year + 1)) {
            found += 1;
            checksum = (checksum * 1_000_003 + (moment / MINUTE) as u128) % ((1 << 61) - 1);
        }
        let agrees = (found.to_string(), checksum.to_string()) == (count.into(), sum.into());
        unlike.extend((!agrees).then(|| format!("{line}: {found} {checksum}")));
    }
    assert!(unlike.is_empty(), "{unlike:#?}");
}

#[test]
fn an_interval_is_counted_from_the_epoch() {
    let quarter = every("15m");
    assert_eq!(quarter.after(at("2025-06-01T10:07:00Z")), Some(at("2025-06-01T10:15:00Z")));
    assert_eq!(quarter.after(at("2025-06-01T10:15:00Z")), Some(at("2025-06-01T10:30:00Z")));
    assert_eq!(every("1d").after(-1), Some(0));
    assert_eq!(every("2w").after(i64::MAX), None);
}

#[test]
fn from_counts_and_until_does_not() {
    let spec = ScheduleSpec {
        from: Some("2025-06-01T03:00".into()),
        until: Some("2025-06-03T03:00:00+02:00".into()),
        cron: Some("0 3 * * *".into()),
        timezone: Some("europe/vienna".into()),
        ..ScheduleSpec::default()
    };
    let moments: Vec<i64> = spec.check().unwrap().between(i64::MIN, i64::MAX).collect();
    assert_eq!(moments, [at("2025-06-01T01:00:00Z"), at("2025-06-02T01:00:00Z")]);
}

#[test]
fn the_calendar_ends_without_harm() {
    let minutes = cron("* * * * *", "Europe/Vienna");
    assert_eq!(minutes.after(i64::MAX), None);
    assert!(minutes.after(i64::MIN).is_some());
    let nights = cron("0 3 * * *", "America/New_York");
    assert_eq!(nights.after(Timestamp::MAX.as_microsecond()), None);
    assert!(nights.after(Timestamp::MIN.as_microsecond()).is_some());
}

#[test]
fn what_makes_no_sense_is_refused() {
    use serde_json::json;
    insta::assert_snapshot!(refusal(json!({})), @"
    `schedule` has neither, expected `cron` or `every`
    hint: `cron: 0 3 * * *` is three o'clock every night
    ");
    insta::assert_snapshot!(refusal(json!({"cron": "@daily", "every": "1h"})), @"`schedule` has both `cron` and `every`, expected one of them");
    insta::assert_snapshot!(refusal(json!({"cron": "@daily", "timezone": "Europe/Viena"})), @"
    `timezone` has `Europe/Viena`, expected a time zone such as `Europe/Vienna` or `UTC`
    hint: did you mean `Europe/Vienna`?
    ");
    insta::assert_snapshot!(refusal(json!({"every": "1h", "timezone": "UTC"})), @"`timezone` has `UTC`, expected no time zone beside `every`, which counts real time");
    for text in ["0s", "15", "m", "1.5h", "-1h", "99999999999999999999s", "9999999w", ""] {
        assert!(refusal(json!({"every": text})).contains("a whole number above 0"), "{text}");
    }
    insta::assert_snapshot!(refusal(json!({"every": "1h", "from": "tomorrow"})), @"`from` has `tomorrow`, expected a moment such as 2026-01-01, 2026-01-01T06:00 or 2026-01-01T06:00Z");
    insta::assert_snapshot!(refusal(json!({"every": "1h", "from": "2026-01-01", "until": "2026-01-01"})), @"`until` has `2026-01-01`, expected a moment after `from`");
}

#[test]
fn a_schedule_is_one_or_several_and_knows_no_other_keys() {
    let read = serde_json::from_str::<ScheduleSpecs>;
    assert_eq!(read(r#"{"every": "15m"}"#).unwrap().as_slice().len(), 1);
    assert_eq!(read(r#"[{"every": "15m"}, {"cron": "@daily"}]"#).unwrap().as_slice().len(), 2);
    assert!(serde_json::from_str::<ScheduleSpec>(r#"{"evry": "15m"}"#).is_err());
}

mod dues {
    use super::*;

    fn moments(due: Due) -> Vec<i64> {
        due.moments.iter().map(|moment| moment / MINUTE).collect()
    }

    #[track_caller]
    fn check<const N: usize>(catch_up: CatchUp, last: Option<i64>, now: i64, expected: [i64; N]) {
        let due = due(&every("10m"), last.map(|m| m * MINUTE), 5 * MINUTE, now * MINUTE, catch_up);
        assert_eq!((due.more, due.note), (false, None));
        assert_eq!(moments(due), expected);
    }

    #[test]
    fn all_runs_each_latest_the_newest_and_none_only_what_is_fresh() {
        check(CatchUp::All, None, 41, [10, 20, 30, 40]);
        check(CatchUp::Latest, None, 41, [40]);
        check(CatchUp::None, None, 40, [40]);
        check(CatchUp::None, None, 41, []);
        check(CatchUp::Latest, Some(40), 41, []);
        check(CatchUp::All, Some(20), 45, [30, 40]);
    }

    #[test]
    fn nothing_before_the_deployment_is_due() {
        check(CatchUp::All, None, 5, []);
        check(CatchUp::All, Some(-60), 12, [10]);
    }

    #[test]
    fn a_clock_that_goes_back_repeats_nothing_and_says_so() {
        let due = due(
            &every("10m"),
            Some(at("2025-06-01T10:00:00Z")),
            0,
            at("2020-01-01T00:00:00Z"),
            CatchUp::All,
        );
        assert!(due.moments.is_empty());
        insta::assert_snapshot!(due.note.unwrap(), @"the clock shows 2020-01-01T00:00:00Z, and runs up to 2025-06-01T10:00:00Z are done: the next one comes later");
    }

    #[test]
    fn a_year_of_minutes_is_caught_up_in_portions() {
        let minutes = cron("* * * * *", "Europe/Vienna");
        let (mut last, mut runs, mut portions) = (None, 0, 0);
        loop {
            let due = due(&minutes, last, 0, 365 * DAY, CatchUp::All);
            last = due.moments.last().copied().or(last);
            (runs, portions) = (runs + due.moments.len(), portions + 1);
            if !due.more {
                break;
            }
            assert_eq!(due.moments.len(), 10_000);
        }
        assert_eq!((runs, portions), (525_600, 53));
    }

    #[test]
    fn exactly_ten_thousand_are_not_said_to_be_more() {
        let due = due(&every("1m"), None, 0, 10_000 * MINUTE, CatchUp::All);
        assert_eq!((due.moments.len(), due.more), (10_000, false));
    }

    #[test]
    fn the_newest_is_found_without_a_walk_through_all() {
        let minutes = cron("* * * * *", "Europe/Vienna");
        let now = at("2025-06-01T10:00:30Z");
        assert_eq!(due(&minutes, None, 0, now, CatchUp::Latest).moments, [now - 30_000_000]);
        let rare = cron("0 0 29 2 *", "UTC");
        let found = due(&rare, None, 0, now, CatchUp::Latest).moments;
        assert_eq!(found, [at("2024-02-29T00:00:00Z")]);
    }

    fn schedules() -> impl Strategy<Value = Schedule> {
        let zones = prop::sample::select(vec!["UTC", "Europe/Vienna", "Australia/Lord_Howe"]);
        let crons = prop::sample::select(vec![
            "*/30 * * * *",
            "30 2 * * *",
            "15 */2 * * *",
            "*/20 1-3 * * *",
            "0 0 L * *",
        ]);
        prop_oneof![
            (crons, zones).prop_map(|(expression, zone)| cron(expression, zone)),
            Just(every("7h")),
        ]
    }

    /// Steps of the clock in minutes, some of them back, over a year's turns.
    fn clock(back: i64) -> impl Strategy<Value = Vec<i64>> {
        prop::collection::vec(prop_oneof![0..90_i64, 0..6000_i64, -back..=0], 1..40)
    }

    fn run(schedule: &Schedule, steps: &[i64], catch_up: CatchUp) -> (Vec<i64>, i64, i64) {
        let deployed = at("2025-03-20T00:00:00Z");
        let (mut now, mut latest, mut ran) = (deployed, deployed, Vec::new());
        for step in steps {
            now += step * MINUTE;
            latest = latest.max(now);
            // What was kept of the runs is all that a restart finds.
            let last = ran.last().copied();
            ran.extend(due(schedule, last, deployed, now, catch_up).moments);
        }
        (ran, deployed, latest)
    }

    proptest! {
        #[test]
        fn all_runs_every_planned_moment_once(schedule in schedules(), steps in clock(0)) {
            let (ran, deployed, now) = run(&schedule, &steps, CatchUp::All);
            prop_assert_eq!(ran, schedule.between(deployed, now).collect::<Vec<_>>());
        }

        #[test]
        fn no_clock_that_goes_back_doubles_or_loses_any(schedule in schedules(), steps in clock(9000)) {
            let (ran, deployed, latest) = run(&schedule, &steps, CatchUp::All);
            prop_assert_eq!(ran, schedule.between(deployed, latest).collect::<Vec<_>>());
        }

        #[test]
        fn latest_runs_some_of_the_planned_in_order(schedule in schedules(), steps in clock(9000)) {
            let (ran, deployed, latest) = run(&schedule, &steps, CatchUp::Latest);
            let planned: Vec<i64> = schedule.between(deployed, latest).collect();
            prop_assert!(ran.is_sorted_by(|a, b| a < b));
            prop_assert!(ran.iter().all(|moment| planned.contains(moment)));
            prop_assert_eq!(ran.last(), planned.last());
        }

        #[test]
        fn moments_grow_and_no_start_between_two_of_them_finds_another(
            schedule in schedules(), start in 0..800_000_i64, share in 0.0..1.0,
        ) {
            let start = at("2025-01-01T00:00:00Z") + start * MINUTE;
            let first = schedule.after(start).unwrap();
            let second = schedule.after(first).unwrap();
            prop_assert!(start < first && first < second);
            let between = first + ((second - first - 1) as f64 * share) as i64;
            prop_assert_eq!(schedule.after(between), Some(second));
        }
    }
}
