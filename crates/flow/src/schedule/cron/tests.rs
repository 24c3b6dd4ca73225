use super::*;

/// The first moments from 2024-01-01T00:00 on, a leap year that begins with a Monday.
#[track_caller]
fn check<const N: usize>(cron: &str, expected: [&str; N]) {
    let cron = Cron::parse(cron).unwrap_or_else(|e| panic!("{cron}: {e}"));
    let mut from = Some(Date::constant(2024, 1, 1).at(0, 0, 0, 0));
    let found = expected.map(|_| {
        let found = cron.at_or_after(from?)?;
        from = found.checked_add(1.minute()).ok();
        Some(found.strftime("%Y-%m-%d %H:%M").to_string())
    });
    assert_eq!(found.map(Option::unwrap_or_default), expected);
}

#[track_caller]
fn refusal(cron: &str) -> String {
    let error = Cron::parse(cron).expect_err(cron);
    match &error.hint {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

// All by hand, with a calendar.

#[test]
fn numbers_lists_ranges_and_steps() {
    check("0 3 * * *", ["2024-01-01 03:00", "2024-01-02 03:00"]);
    check("5,10 0 * * *", ["2024-01-01 00:05", "2024-01-01 00:10", "2024-01-02 00:05"]);
    check("58-59 23 * * *", ["2024-01-01 23:58", "2024-01-01 23:59", "2024-01-02 23:58"]);
    check("*/40 * * * *", ["2024-01-01 00:00", "2024-01-01 00:40", "2024-01-01 01:00"]);
    check("10-30/20 0 1 * *", ["2024-01-01 00:10", "2024-01-01 00:30", "2024-02-01 00:10"]);
}

#[test]
fn the_29th_of_february_comes_every_four_years_or_eight() {
    check("0 0 29 2 *", ["2024-02-29 00:00", "2028-02-29 00:00"]);
    let before = Date::constant(2097, 1, 1).at(0, 0, 0, 0);
    let next = Cron::parse("0 0 29 2 *").unwrap().at_or_after(before);
    assert_eq!(next, Some(Date::constant(2104, 2, 29).at(0, 0, 0, 0)));
}

#[test]
fn the_last_day_of_a_month_is_l() {
    check("0 0 L * *", ["2024-01-31 00:00", "2024-02-29 00:00", "2024-03-31 00:00"]);
    check("0 0 1,L * *", ["2024-01-01 00:00", "2024-01-31 00:00", "2024-02-01 00:00"]);
    check("0 0 LW * *", ["2024-01-31 00:00", "2024-02-29 00:00", "2024-03-29 00:00"]);
}

#[test]
fn the_last_and_the_nth_weekday_of_a_month() {
    check("0 0 * * 5L", ["2024-01-26 00:00", "2024-02-23 00:00", "2024-03-29 00:00"]);
    check("0 0 * * friL", ["2024-01-26 00:00", "2024-02-23 00:00"]);
    check("0 0 * * mon#1,mon#3", ["2024-01-01 00:00", "2024-01-15 00:00", "2024-02-05 00:00"]);
    check("0 0 * * 1#5", ["2024-01-29 00:00", "2024-04-29 00:00"]);
}

#[test]
fn months_and_weekdays_have_names_and_sunday_two_numbers() {
    check("0 0 1 FEB,apr *", ["2024-02-01 00:00", "2024-04-01 00:00"]);
    check("0 9 * * Sat-Sun", ["2024-01-06 09:00", "2024-01-07 09:00", "2024-01-13 09:00"]);
    check("0 0 * * 7", ["2024-01-07 00:00", "2024-01-14 00:00"]);
    check("0 0 * * 0", ["2024-01-07 00:00", "2024-01-14 00:00"]);
}

#[test]
fn one_of_two_days_suffices_unless_one_begins_with_a_star() {
    check("0 0 3 * fri", ["2024-01-03 00:00", "2024-01-05 00:00", "2024-01-12 00:00"]);
    check("0 0 */2 * fri", ["2024-01-05 00:00", "2024-01-19 00:00", "2024-02-09 00:00"]);
    check("0 0 29 2 */7", ["2032-02-29 00:00", "2060-02-29 00:00"]);
}

#[test]
fn nicknames_stand_for_whole_expressions() {
    check("@Hourly", ["2024-01-01 00:00", "2024-01-01 01:00"]);
    check("@weekly", ["2024-01-07 00:00"]);
    check("@yearly", ["2024-01-01 00:00", "2025-01-01 00:00"]);
}

#[test]
fn the_calendar_ends() {
    let last = Date::constant(9999, 12, 31).at(23, 59, 0, 0);
    assert_eq!(Cron::parse("* * * * *").unwrap().at_or_after(last), Some(last));
    assert_eq!(Cron::parse("0 0 * * *").unwrap().at_or_after(last), None);
}

#[test]
fn what_is_no_cron_is_refused_with_the_field() {
    insta::assert_snapshot!(refusal("75 * * * *"), @"`cron` has the minute `75`, expected 0 to 59");
    insta::assert_snapshot!(refusal("* 24 * * *"), @"`cron` has the hour `24`, expected 0 to 23");
    insta::assert_snapshot!(refusal("* * 0 * *"), @"`cron` has the day of the month `0`, expected 1 to 31");
    insta::assert_snapshot!(refusal("* * * Janury *"), @"
    `cron` has the month `Janury`, expected 1 to 12, or jan to dec
    hint: did you mean `jan`?
    ");
    insta::assert_snapshot!(refusal("* * * * mun"), @"
    `cron` has the day of the week `mun`, expected 0 to 7, or sun to sat
    hint: did you mean `sun`?
    ");
    insta::assert_snapshot!(refusal("5/15 * * * *"), @"
    `cron` has the minute `5/15`, expected a range before `/`
    hint: write `5-59/15`
    ");
    insta::assert_snapshot!(refusal("*/0 * * * *"), @"`cron` has the minute `*/0`, expected a step from 1 to 59 behind `/`");
    insta::assert_snapshot!(refusal("* 22-6 * * *"), @"`cron` has the hour `22-6`, expected a range from the smaller to the larger");
    insta::assert_snapshot!(refusal("1,,2 * * * *"), @"`cron` has nothing as minute, expected 0 to 59");
    insta::assert_snapshot!(refusal("0 0 ? * *"), @"
    `cron` has the day of the month `?`, expected a number, a range or `*`
    hint: write `*` for `?`
    ");
    insta::assert_snapshot!(refusal("0 0 * * L"), @"
    `cron` has the day of the week `L`, expected a weekday before `L`
    hint: write `5L` for the last Friday of a month
    ");
    insta::assert_snapshot!(refusal("0 0 * * 5#6"), @"`cron` has the day of the week `5#6`, expected 1 to 5 behind `#`");
}

#[test]
fn what_has_not_five_fields_or_never_comes_is_refused() {
    insta::assert_snapshot!(refusal("0 0 12 * * *"), @"
    `cron` has `0 0 12 * * *`, which has 6 fields, expected 5 fields: minute, hour, day of the month, month, day of the week
    hint: leave the field for seconds away; `every: 30s` runs twice a minute
    ");
    insta::assert_snapshot!(refusal(""), @"
    `cron` has nothing, expected 5 fields: minute, hour, day of the month, month, day of the week
    hint: `0 3 * * *` is three o'clock every night
    ");
    insta::assert_snapshot!(refusal("@reboot"), @"
    `cron` has `@reboot`, expected 5 fields: minute, hour, day of the month, month, day of the week
    hint: `gristmill run` runs a pipeline once
    ");
    insta::assert_snapshot!(refusal("0 0 30 2 *"), @"`cron` has `0 0 30 2 *`, expected a day that comes; none has month `2`, day `30` and weekday `*`");
}

proptest::proptest! {
    #[test]
    fn no_text_brings_the_reader_down(text in "[-0-9a-zL*/,#?@ é]{0,30}") {
        if let Ok(cron) = Cron::parse(&text) {
            cron.at_or_after(Date::constant(2024, 1, 1).at(0, 0, 0, 0)).expect("a day that exists");
        }
    }
}
