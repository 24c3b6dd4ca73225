use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, StringArray, TimestampMicrosecondArray};

use super::*;
use crate::{Field, Schema};

// testkit speaks of another build of this crate than the one under test.
fn table(columns: Vec<(Field, ArrayRef)>) -> Table {
    let (fields, columns) = columns.into_iter().unzip();
    Table::new(Schema::new(fields).unwrap(), columns).unwrap()
}

fn numbers(values: Vec<Option<f64>>) -> (Field, ArrayRef) {
    (Field::number("x").nullable(true), Arc::new(Float64Array::from(values)))
}

fn words(values: Vec<Option<&str>>) -> (Field, ArrayRef) {
    let field = Field::new("x", PhysicalType::Utf8).nullable(true);
    (field, Arc::new(StringArray::from(values)))
}

#[track_caller]
fn learn(column: (Field, ArrayRef)) -> ColumnProfile {
    let profile = Profile::learn(&table(vec![column])).unwrap();
    let json = profile.to_json().unwrap();
    assert_eq!(Profile::from_json(json.as_bytes()).unwrap(), profile);
    profile.columns.into_iter().next().unwrap()
}

#[track_caller]
fn check_numbers(values: Vec<Option<f64>>, check: impl Fn(&ColumnProfile, &NumbersProfile)) {
    let column = learn(numbers(values));
    match &column.summary {
        Summary::Numbers(numbers) => check(&column, numbers),
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_values_leave_everything_absent() {
    for values in [vec![], vec![None, Some(f64::NAN), Some(f64::INFINITY)]] {
        let rows = values.len() as u64;
        check_numbers(values, |column, numbers| {
            assert_eq!((column.missing, numbers.count, numbers.mean), (rows, 0, None));
            assert_eq!(numbers.histogram, Histogram::default());
            assert!(numbers.quantiles.is_empty());
        });
    }
}

#[test]
fn a_constant_has_one_full_bin_between_two_empty_ones() {
    check_numbers(vec![Some(7.0); 5], |_, numbers| {
        assert_eq!((numbers.distinct, numbers.deviation), (1, Some(0.0)));
        assert_eq!(numbers.histogram.borders, [7.0_f64.next_down(), 7.0]);
        assert_eq!(numbers.histogram.counts, [0, 5, 0]);
        let bins = [6.0, 7.0, 8.0, f64::NAN].map(|v| numbers.histogram.bin(v));
        assert_eq!(bins, [Some(0), Some(1), Some(2), None]);
    });
}

#[test] // by hand: 1 to 100 in 20 bins of 5, and the ends, which training left empty
fn bins_hold_equally_many_values() {
    check_numbers((1..=100).map(|i| Some(f64::from(i))).collect(), |_, numbers| {
        let counts = &numbers.histogram.counts;
        assert_eq!((counts.len(), counts[0], counts[21]), (22, 0, 0));
        assert_eq!(counts[1..21], [5; 20]);
        assert_eq!(numbers.quantiles[5], (0.5, 50.0));
    });
}

#[test]
fn rows_beyond_one_chunk_are_counted_once() {
    check_numbers((0..50_000).map(|i| Some(f64::from(i % 10_000))).collect(), |_, numbers| {
        assert_eq!(numbers.histogram.counts.iter().sum::<u64>(), 50_000);
        assert!((numbers.distinct as f64 / 10_000.0 - 1.0).abs() < 0.03);
        assert!((numbers.mean.unwrap() - 4_999.5).abs() < 1e-9);
        assert!(numbers.rank_error > 0.0 && numbers.rank_error < 0.0003);
    });
}

#[test]
fn the_number_of_threads_does_not_show() {
    let values = (0..200_000_u64).map(|i| Some((i * 7_919 % 100_003) as f64 * 0.1)).collect();
    let names: Vec<String> = (0..200_000_u64).map(|i| format!("w{}", i * i % 9_973)).collect();
    let (field, names) = words(names.iter().map(|n| Some(n.as_str())).collect());
    let table = table(vec![numbers(values), (Field { name: "w".into(), ..field }, names)]);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Profile::learn(&table).unwrap().to_json().unwrap())
    };
    let one = with(1);
    assert_eq!(with(2), one);
    assert_eq!(with(3), one);
}

#[test] // pandas 3.1.1: describe(), isna().sum() and value_counts() of the same file
fn real_customers_are_profiled_as_pandas_describes_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/telco.csv");
    let Ok(file) = open(path) else {
        println!("`{path}` is not there: nothing to compare with");
        return;
    };
    let format = arrow::csv::reader::Format::default().with_header(true);
    let (schema, _) = format.infer_schema(open(path).unwrap(), None).unwrap();
    let schema = Arc::new(schema);
    let reader = arrow::csv::ReaderBuilder::new(Arc::clone(&schema)).with_header(true);
    let batches: Vec<_> = reader.build(file).unwrap().map(Result::unwrap).collect();
    let profile = Profile::learn(&Table::from_batches(&schema, &batches).unwrap()).unwrap();
    let charges = profile.column("total_charges").unwrap();
    let Summary::Numbers(numbers) = &charges.summary else { panic!("{charges:?}") };
    assert_eq!((profile.rows, charges.missing), (7_043, 11));
    let close = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 1e-9 * b.abs();
    assert!(close(numbers.mean, 2283.300440841866) && close(numbers.deviation, 2266.610180714535));
    assert_eq!((numbers.min, numbers.max), (Some(18.8), Some(8684.8)));
    assert_eq!(numbers.quantiles[4].1, 401.3);
    // 6,530 by pandas; beyond 4,096 the count is an estimate.
    assert!(numbers.distinct.abs_diff(6_530) < 160);
    let Summary::Words(churn) = &profile.column("churn").unwrap().summary else { panic!() };
    let expected = [("No", 5_174), ("Yes", 1_869)].map(|(w, c)| (w.to_string(), c));
    assert_eq!(churn.counts, expected);
}

#[allow(clippy::disallowed_types, reason = "this crate does no files outside of this test")]
fn open(path: &str) -> std::io::Result<std::fs::File> {
    std::fs::File::open(path)
}

#[test]
fn words_are_listed_by_frequency_and_then_by_bytes() {
    let column = learn(words(vec![Some("b"), Some("a"), None, Some("c"), Some("c")]));
    let Summary::Words(words) = column.summary else { panic!("{column:?}") };
    let expected = [("c", 2), ("a", 1), ("b", 1)].map(|(w, c)| (w.to_string(), c));
    assert_eq!((column.missing, words.count, words.other), (1, 4, 0));
    assert_eq!(words.counts, expected);
}

#[test]
fn words_beyond_the_list_are_other() {
    let names: Vec<String> = (0..3_000).map(|i| format!("w{i}")).collect();
    let column = learn(words(names.iter().map(|n| Some(n.as_str())).collect()));
    let Summary::Words(words) = column.summary else { panic!("{column:?}") };
    assert_eq!((words.counts.len(), words.other, words.distinct), (1_000, 2_000, 3_000));
}

#[test]
fn texts_leave_their_lengths_and_no_words() {
    let (field, array) = words(vec![Some("äb"), Some("abcd"), Some("äb"), None]);
    let column = learn((field.meaning(SemanticType::Text), array));
    let Summary::Text { distinct, lengths, vectors } = column.summary else { panic!("{column:?}") };
    assert_eq!((column.missing, distinct, lengths.count), (1, 2, 3));
    assert_eq!((lengths.min, lengths.max), (Some(2.0), Some(4.0)));
    // By hand: the mean of the vectors, two of one text and one of the other.
    let vectors = vectors.unwrap();
    let (twice, once) = (crate::text_vector("äb"), crate::text_vector("abcd"));
    for ((mean, a), b) in vectors.mean().iter().zip(twice).zip(once) {
        assert!((mean - (2.0 * a + b) / 3.0).abs() < 1e-12, "{mean}");
    }
    assert_eq!(vectors.count(), 3);
}

#[test]
fn columns_that_are_one_vector_are_profiled_together_in_one_piece_or_in_parts() {
    let column = |name: &str, step: usize| {
        let values = (0..20_000).map(|i| (i % 9 != 8).then_some((i * step % 31) as f64));
        let (field, array) = numbers(values.collect());
        (Field { name: name.into(), ..field }, array)
    };
    let table = table(vec![column("e0", 7), column("other", 2), column("e1", 11)]);
    let names = vec!["e0".to_string(), "e1".to_string()];
    let profile = Profile::learn(&table).unwrap().with_together(names.clone(), &table).unwrap();
    let json = profile.to_json().unwrap();
    assert_eq!(Profile::from_json(json.as_bytes()).unwrap(), profile);
    let whole = profile.together.unwrap();
    assert_eq!((whole.missing, whole.moments.count()), (2_222, 17_778));
    let mut learner = ProfileLearner::with_together(names);
    learner.update(&table.slice(0, 9_000)).unwrap();
    learner.update(&table.slice(9_000, 11_000)).unwrap();
    let parts = learner.finish().together.unwrap();
    assert_eq!((&parts.columns, parts.missing), (&whole.columns, whole.missing));
    for (i, j) in [(0, 0), (0, 1), (1, 1)] {
        let (a, b) = (parts.moments.scatter(i, j), whole.moments.scatter(i, j));
        assert!((a - b).abs() < 1e-9 * b.abs(), "{a} is not {b}");
    }
    let torn = json.replacen("\"missing\": 2222,", "\"missing\": 2222, \"more\": 1,", 1);
    assert!(torn != json && Profile::from_json(torn.as_bytes()).is_err());
    let gone = Profile::learn(&table).unwrap().with_together(vec!["gone".into()], &table);
    assert!(gone.is_err());
}

#[test]
fn a_profile_of_the_second_format_still_reads() {
    let numbers = r#"{"count": 1, "distinct": 1, "mean": 3.0, "deviation": 0.0, "min": 3.0, "max": 3.0,
        "quantiles": [[0.0, 3.0]], "rank_error": 0.0, "histogram": {"borders": [2.5, 3.0], "counts": [0, 1, 0]},
        "fine": {"borders": [2.5, 3.0], "counts": [0, 1, 0]}}"#;
    let second = format!(
        r#"{{"format_version": 2, "rows": 1, "columns": [{{"name": "x", "physical": "utf8", "semantic": "text",
        "role": "feature", "missing": 0, "summary": {{"text": {{"distinct": 1, "lengths": {numbers}}}}}}}]}}"#
    );
    let profile = Profile::from_json(second.as_bytes()).unwrap();
    let Summary::Text { vectors, .. } = &profile.columns[0].summary else { panic!("{profile:?}") };
    assert!(vectors.is_none() && profile.together.is_none());
    let again = profile.to_json().unwrap();
    assert!(again.contains("\"format_version\": 2") && !again.contains("vectors"), "{again}");
}

#[test]
fn times_and_ids_have_their_own_summaries() {
    let times = TimestampMicrosecondArray::from(vec![Some(5), None, Some(-3)]);
    let field = Field::new("x", PhysicalType::Timestamp).nullable(true);
    let column = learn((field, Arc::new(times)));
    assert_eq!(column.missing, 1);
    assert_eq!(column.summary, Summary::Times { min: Some(-3), max: Some(5) });
    let (field, array) = words(vec![Some("k1"), None]);
    let column = learn((field.meaning(SemanticType::Id), array));
    assert_eq!((column.missing, column.summary), (1, Summary::Opaque));
}

#[test] // by hand: two samples of 0 and 255, and one of 51
fn images_are_known_by_brightness_and_vectors_and_what_is_none_is_missing() {
    let png = |samples: &[u8]| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut encoder = png::Encoder::new(&mut bytes, samples.len() as u32, 1);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(samples).unwrap();
        bytes.into_inner()
    };
    let images = [Some(png(&[0, 255])), None, Some(b"GIF89a".to_vec()), Some(png(&[51]))];
    let array = images.into_iter().collect::<BinaryArray>();
    let field = Field::new("x", PhysicalType::Binary).nullable(true);
    let column = learn((field, Arc::new(array)));
    assert_eq!(column.missing, 2);
    let Summary::Images { brightness, vectors } = &column.summary else { panic!("{column:?}") };
    assert_eq!((brightness.count, vectors.count()), (2, 2));
    assert!((brightness.mean.unwrap() - 0.35).abs() < 1e-15);
    // The format before knew of an image column that it is there.
    let third = r#"{"format_version": 3, "rows": 1, "columns": [{"name": "x", "physical": "binary",
        "semantic": "image", "role": "feature", "missing": 0, "summary": "opaque"}]}"#;
    let profile = Profile::from_json(third.as_bytes()).unwrap();
    assert_eq!(profile.columns[0].summary, Summary::Opaque);
}

#[test] // by hand: 1 to 100 are fewer than the fine bins, so each has its own
fn few_values_have_fine_bins_of_their_own() {
    check_numbers((1..=100).map(|i| Some(f64::from(i))).collect(), |_, numbers| {
        assert_eq!(numbers.fine.counts[1..101], [1; 100]);
        assert_eq!(numbers.fine.borders[1..], (1..=100).map(f64::from).collect::<Vec<_>>());
    });
}

#[test]
fn every_border_of_a_decile_is_a_fine_one() {
    check_numbers((0..40_000).map(|i| Some(f64::from(i * 7 % 40_000))).collect(), |_, numbers| {
        let Histogram { borders, counts } = &numbers.fine;
        assert_eq!((borders.len(), counts.iter().sum::<u64>()), (FINE_BINS + 1, 40_000));
        let decile = |i: usize| numbers.histogram.borders[2 * i];
        assert!((1..=10).all(|i| borders[25 * i] == decile(i)));
    });
}

#[test]
fn a_profile_of_the_first_format_still_reads() {
    let first = r#"{"format_version": 1, "rows": 3, "columns": [
        {"name": "x", "physical": "float64", "semantic": "numeric", "role": "feature", "missing": 1,
         "summary": {"numbers": {"count": 2, "distinct": 2, "mean": 1.5, "deviation": 0.5,
            "min": 1.0, "max": 2.0, "quantiles": [[0.0, 1.0]], "rank_error": 0.0,
            "histogram": {"borders": [0.5, 1.0, 2.0], "counts": [0, 1, 1, 0]}}}}]}"#;
    let profile = Profile::from_json(first.as_bytes()).unwrap();
    let Summary::Numbers(numbers) = &profile.columns[0].summary else { panic!("{profile:?}") };
    assert!(numbers.fine.is_empty() && profile.answers.is_none());
    let again = profile.to_json().unwrap();
    assert!(again.contains("\"format_version\": 1") && !again.contains("fine"), "{again}");
}

#[test]
fn rows_that_come_in_parts_are_profiled_as_a_whole() {
    let values: Vec<Option<f64>> =
        (0..1_000).map(|i| (i % 9 != 0).then(|| f64::from(i * 31 % 700))).collect();
    let names: Vec<String> = (0..1_000).map(|i| format!("w{}", i * i % 37)).collect();
    let (field, names) = words(names.iter().map(|n| Some(n.as_str())).collect());
    let whole = table(vec![numbers(values), (Field { name: "w".into(), ..field }, names)]);
    let mut learner = ProfileLearner::default();
    for start in (0..1_000).step_by(300) {
        learner.update(&whole.slice(start, 300.min(1_000 - start))).unwrap();
    }
    let (mut parts, mut all) = (learner.finish(), Profile::learn(&whole).unwrap());
    // Moments are sums, which are rounded in another order.
    for profile in [&mut parts, &mut all] {
        let Summary::Numbers(numbers) = &mut profile.columns[0].summary else { panic!() };
        assert!((numbers.mean.take().unwrap() - 349.7).abs() < 10.0);
        assert!(numbers.deviation.take().is_some());
    }
    assert_eq!(parts, all);
    assert!(learner.update(&whole.select(&[1])).is_err());
}

#[test]
fn answers_are_kept_beside_the_columns() {
    let rows = table(vec![numbers(vec![Some(1.0), Some(2.0)])]);
    let profile = Profile::learn(&rows).unwrap().with_answers(Answered::HeldOut, &rows).unwrap();
    let back = Profile::from_json(profile.to_json().unwrap().as_bytes()).unwrap();
    assert_eq!(back, profile);
    assert_eq!(back.answers.unwrap().columns, profile.columns);
}

#[test]
fn what_is_no_profile_is_refused() {
    let sound = Profile::learn(&table(vec![numbers(vec![Some(1.0), Some(2.0)])])).unwrap();
    let json = sound.to_json().unwrap();
    for (from, to) in [
        ("\"format_version\": 4", "\"format_version\": 5"),
        ("\"format_version\": 4", "\"format_version\": 0"),
        ("\"format_version\": 4", "\"format\": 4"),
        ("\"missing\"", "\"mising\""),
        ("\"count\": 2", "\"count\": 3"),
        ("\"rows\": 2", "\"rows\": -2"),
    ] {
        let damaged = json.replacen(from, to, 1);
        assert_ne!(damaged, json);
        let error = Profile::from_json(damaged.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Stored, "{error}");
    }
    for cut in 0..json.len() {
        assert!(Profile::from_json(&json.as_bytes()[..cut]).is_err());
    }
}
