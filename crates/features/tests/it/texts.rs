//! Terms of texts. Figures of movie reviews are those of scikit-learn 1.9.1.

use gristmill_core::{Column, FittedTransform, Frame, SemanticType, Table, Transform};
use gristmill_features::*;
use gristmill_testkit::{conformance, shared_csv, table};
use serde::Serialize;
use serde_json::{Value, json};

use crate::support::{assert_close, awkward, catalog, fit, numbers, own, try_fit};

#[track_caller]
fn conforms(settings: impl Transform + Serialize, table: Table) {
    conformance::transform(&catalog(), settings, &table);
}

/// Texts with everything that is awkward.
fn texts() -> Table {
    table()
        .numbers("n", [1.0; 7])
        .words(
            "review",
            [
                Some("A good film, a GOOD one"),
                None,
                Some(""),
                Some("ça va? Été à Zürich: straße_1"),
                Some("  \n\t  "),
                Some("good film"),
                Some("a b c"),
            ],
        )
        .meaning(SemanticType::Text)
        .words("title", ["x"; 7])
        .words("none", [None::<&str>; 7])
        .meaning(SemanticType::Text)
        .build()
}

#[test]
fn counting_and_weighing_conform() {
    for analyzer in [Analyzer::Word, Analyzer::Char, Analyzer::CharWb] {
        for sparse in [Sparsity::Auto, Sparsity::Always] {
            let ngrams = [1, 3];
            conforms(CountWords { analyzer, ngrams, sparse, ..Default::default() }, texts());
            conforms(Tfidf { analyzer, ngrams, sparse, ..Default::default() }, texts());
            let features = 32;
            conforms(
                HashText { analyzer, ngrams, sparse, features, ..Default::default() },
                texts(),
            );
        }
    }
    for (norm, idf) in [(TermNorm::L1, Idf::Plain), (TermNorm::None, Idf::None)] {
        let term_frequency = TermFrequency::Sublinear;
        let min_frequency = Frequency::Count(2);
        let columns = ["review", "title"].into();
        let settings =
            Tfidf { columns, norm, idf, term_frequency, min_frequency, ..Default::default() };
        conforms(settings, texts());
    }
    conforms(CountWords { columns: "categorical".into(), ..Default::default() }, awkward());
}

fn movies() -> Option<Table> {
    let table = shared_csv("movie_snippets.csv")?;
    Some(table.with_meaning("text", SemanticType::Text).expect("the texts are words"))
}

fn reviews() -> Option<Frame> {
    Some(Frame::from_table(&movies()?.select(&[2])).expect("a frame"))
}

#[test]
fn real_texts_conform() {
    let Some(table) = movies() else { return };
    let some: Vec<u32> = (0..1500).collect();
    let table = table.take(&some).expect("there are as many");
    conforms(Tfidf { ngrams: [1, 2], ..Default::default() }, table.clone());
    conforms(HashText { features: 512, ..Default::default() }, table);
}

/// Number of columns, numbers that are not 0, their sum and that of their sizes.
#[track_caller]
fn check(
    kind: &str,
    settings: Value,
    terms: [&str; 3],
    expected: [f64; 4],
    first: &[(usize, f64)],
) {
    let Some(rows) = reviews() else { return };
    let transform = catalog().build_transform(kind, &settings).expect("the settings are known");
    let (fitted, rows, _) = fit(transform.as_ref(), rows);
    let (mut count, mut sum, mut size) = (0, 0.0, 0.0);
    for column in rows.columns() {
        let Column::Sparse(numbers) = column else { panic!("a column is not sparse") };
        count += numbers.values().len();
        sum += numbers.values().iter().sum::<f64>();
        size += numbers.values().iter().map(|v| v.abs()).sum::<f64>();
    }
    let names = rows.schema().names();
    assert_close(&[names.len() as f64, count as f64, sum, size], &expected);
    if !terms[0].is_empty() {
        let found = [0, names.len() / 2, names.len() - 1].map(|at| names[at].clone());
        assert_eq!(found, terms.map(|term| format!("text_{term}")));
    }
    check_one_row(fitted.as_ref(), &rows, first);
}

/// The first row alone has these numbers first, as it has among all.
#[track_caller]
fn check_one_row(fitted: &dyn FittedTransform, all: &Frame, first: &[(usize, f64)]) {
    let one = fitted.apply(reviews().expect("there are some").take(&[0])).expect("one row");
    assert_eq!(one, all.slice(0..1));
    let found = one.columns().iter().enumerate().filter_map(|(at, column)| match column {
        Column::Sparse(numbers) => numbers.values().first().map(|&value| (at, value)),
        _ => None,
    });
    let found: Vec<(usize, f64)> = found.take(first.len()).collect();
    let (places, values): (Vec<usize>, Vec<f64>) = found.into_iter().unzip();
    assert_eq!(places, first.iter().map(|(at, _)| *at).collect::<Vec<_>>());
    assert_close(&values, &first.iter().map(|(_, value)| *value).collect::<Vec<_>>());
}

#[test] // CountVectorizer()
fn words_of_reviews_are_counted() {
    check(
        "count_words",
        json!(null),
        ["00", "landbound", "élan"],
        [17759.0, 177675.0, 191353.0, 191353.0],
        &[(98, 1.0), (727, 1.0), (951, 1.0), (1405, 1.0)],
    );
}

#[test] // CountVectorizer(ngram_range=(1, 2), min_df=3, max_df=0.05)
fn terms_too_rare_and_too_frequent_are_left_out() {
    check(
        "count_words",
        json!({"ngrams": [1, 2], "min_frequency": 3, "max_frequency": 0.05}),
        ["10", "lock stock", "zone"],
        [16485.0, 182134.0, 184721.0, 184721.0],
        &[(40, 1.0), (41, 1.0), (1073, 1.0), (1326, 1.0)],
    );
}

#[test] // CountVectorizer(max_features=454, stop_words=["the", "of", "and"]); no tie at the limit
fn the_most_frequent_terms_are_kept() {
    check(
        "count_words",
        json!({"max_features": 454, "stop_words": ["the", "of", "and"]}),
        ["about", "love", "your"],
        [454.0, 89791.0, 95988.0, 95988.0],
        &[(33, 1.0), (116, 1.0), (160, 1.0), (168, 1.0)],
    );
}

#[test] // CountVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=5), (analyzer="char", ...)
fn characters_of_reviews_are_counted() {
    check(
        "count_words",
        json!({"analyzer": "char_wb", "ngrams": [2, 4], "min_frequency": 5}),
        [" $", "itfu", "– "],
        [18821.0, 2432932.0, 2932635.0, 2932635.0],
        &[(4, 1.0), (5, 1.0), (8, 1.0), (149, 1.0)],
    );
    check(
        "count_words",
        json!({"analyzer": "char", "ngrams": [3, 3], "case": "keep"}),
        [" #3", "ef ", "’ve"],
        [12684.0, 1056753.0, 1156874.0, 1156874.0],
        &[(10, 1.0), (135, 1.0), (230, 1.0), (263, 1.0)],
    );
}

#[test] // TfidfVectorizer(ngram_range=(1, 2))
fn terms_of_reviews_are_weighed() {
    check(
        "tfidf",
        json!({"ngrams": [1, 2]}),
        ["00", "like steven", "élan humor"],
        [122747.0, 357596.0, 56435.824637298545, 56435.824637298545],
        &[
            (301, 0.1422741149442949),
            (302, 0.1449102035263506),
            (4867, 0.03009301107735885),
            (7446, 0.11045389848538),
        ],
    );
}

#[test] // TfidfVectorizer(sublinear_tf=True, norm="l1", smooth_idf=False)
fn terms_are_weighed_in_other_ways() {
    check(
        "tfidf",
        json!({"term_frequency": "sublinear", "norm": "l1", "idf": "plain"}),
        ["00", "landbound", "élan"],
        [17759.0, 177675.0, 10568.0, 10568.0],
        &[
            (98, 0.04879233301090563),
            (727, 0.01013327158855897),
            (951, 0.0435163265723155),
            (1405, 0.020024848611221432),
        ],
    );
}

#[test] // TfidfVectorizer(binary=True, norm=None, use_idf=False)
fn terms_may_count_once() {
    check(
        "tfidf",
        json!({"term_frequency": "binary", "norm": "none", "idf": "none"}),
        ["00", "landbound", "élan"],
        [17759.0, 177675.0, 177675.0, 177675.0],
        &[(98, 1.0)],
    );
}

#[test] // HashingVectorizer(n_features=4096), and (1000, alternate_sign=False, norm="l1", (1, 2))
fn terms_of_reviews_are_hashed() {
    let step = 0.17149858514250882;
    check(
        "hash_text",
        json!(null),
        ["", "", ""],
        // It writes down 136 zeros more, where terms cancel each other.
        [4096.0, 177206.0, 353.1256604384274, 40764.20466711304],
        &[(65, -step), (158, -2.0 * step), (271, step), (301, -step)],
    );
    let share = 0.01694915254237288;
    check(
        "hash_text",
        json!({"features": 1000, "sign": "positive", "norm": "l1", "ngrams": [1, 2]}),
        ["", "", ""],
        [1000.0, 350808.0, 10568.0, 10568.0],
        &[(8, share), (30, share), (33, share), (44, share)],
    );
}

#[test]
fn a_vocabulary_of_a_hundred_thousand_terms_is_stored_and_read_back() {
    let words: Vec<String> = (0..100_000).map(|i| format!("t{i}")).collect();
    let text = words.join(" ");
    let rows = table().words("w", [text.as_str(), "t5 t99999"]).meaning(SemanticType::Text).frame();
    let (fitted, rows, _) = fit(&Tfidf::default(), rows);
    assert_eq!(rows.schema().len(), 100_000);
    let loaded =
        catalog().load_transform("tfidf", &fitted.state(), fitted.input()).expect("it is whole");
    assert_eq!(loaded.output(), fitted.output());
    let fitted: &FittedVectorizer = own(fitted.as_ref());
    assert_eq!(fitted.terms("w").unwrap().len(), 100_000);
    assert_close(&fitted.idf("w").unwrap()[..1], &[(3.0f64 / 2.0).ln() + 1.0]);
    // By hand: two terms that both texts have, so each is 1 / √2.
    assert_close(&numbers(&rows, "w_t99999")[1..], &[0.5f64.sqrt()]);
}

#[test]
fn a_million_identical_texts_are_read_once() {
    let rows = table().words("w", vec!["the same old story"; 1_000_000]);
    let (_, rows, _) = fit(&CountWords::default(), rows.meaning(SemanticType::Text).frame());
    assert_eq!(rows.schema().names(), ["w_old", "w_same", "w_story", "w_the"]);
}

#[test]
fn texts_without_terms_leave_no_column_and_a_note() {
    let rows = table().words("w", [Some("a b"), None]).meaning(SemanticType::Text).frame();
    let (_, rows, notes) = fit(&Tfidf::default(), rows);
    assert!(rows.schema().is_empty());
    assert_eq!(notes, ["column `w` is left out: none of its texts has a term that counts"]);
}

#[test]
fn terms_never_share_a_name_with_another_column() {
    let rows = table().words("w", ["good"]).meaning(SemanticType::Text).numbers("w_good", [1.0]);
    let (_, rows, _) = fit(&CountWords::default(), rows.frame());
    assert_eq!(rows.schema().names(), ["w_good_2", "w_good"]);
}

#[test]
fn one_text_step_after_another_stays_sparse() {
    let Some(rows) = reviews() else { return };
    let two = table().words("other", vec!["again and again"; rows.rows()]);
    let fields = [rows.schema().fields(), two.frame().schema().fields()].concat();
    let two = table().words("other", vec!["again and again"; rows.rows()]).frame();
    let columns = [rows.columns(), two.columns()].concat();
    let schema = gristmill_core::Schema::new(fields).unwrap();
    let both = Frame::new(schema.into(), columns, rows.rows()).unwrap();
    let (_, first, _) = fit(&Tfidf::default(), both);
    let second = CountWords { columns: "other".into(), ..Default::default() };
    assert!(Transform::takes_sparse(&second));
    let (_, rows, _) = fit(&second, first);
    assert!(matches!(rows.columns()[0], Column::Sparse(_)));
    assert_eq!(numbers(&rows, "other_again")[0], 2.0);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refused = |settings: Value, message: &str| {
        let result = catalog()
            .build_transform("tfidf", &settings)
            .and_then(|t| try_fit(t.as_ref(), Frame::from_table(&texts()).unwrap()).map(drop));
        assert_eq!(result.expect_err("this is refused").to_string(), message);
    };
    refused(
        json!({"ngrams": [2, 1]}),
        "`ngrams` is [2, 1], expected the least and the most words or characters of a term, \
         such as [1, 2]",
    );
    refused(
        json!({"analyzer": "char", "stop_words": ["a"]}),
        "`stop_words` is given for characters, expected none, or `analyzer: word`",
    );
    refused(
        json!({"min_frequency": 1.5}),
        "`min_frequency` is 1.5, expected a share of the texts from 0.0 to 1.0, or a whole number \
         of them",
    );
    refused(
        json!({"min_frequency": 3, "max_frequency": 2}),
        "`max_frequency` is 2 of 7 texts, expected no less than `min_frequency`, which is 3",
    );
    refused(
        json!({"max_features": 0}),
        "`max_features` is 0, expected 1 or more, or null for no limit",
    );
    refused(json!({"columns": "n"}), "column `n` is numeric, expected text or categorical");
}
