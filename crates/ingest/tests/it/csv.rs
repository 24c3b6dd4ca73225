//! Delimited text: what is read, and what is refused in which words.

use gristmill_core::{ErrorKind, Field, PhysicalType, Schema};
use gristmill_ingest::{BadRows, SourceSpec};

use crate::{folder, options, read, read_csv, said, shown};

#[track_caller]
fn check_with(spec: &SourceSpec, text: &str, expected: &str) {
    let (table, _) = read_csv(text.as_bytes(), spec).unwrap();
    assert_eq!(shown(&table).trim(), expected.trim(), "{text:?}");
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_with(&"a.csv".into(), text, expected);
}

#[track_caller]
fn refused_with(spec: &SourceSpec, text: &[u8], expected: &str) {
    let folder = folder([("a.csv", text)]);
    let error = read(spec, folder.path()).unwrap_err();
    assert_eq!(said(&error, folder.path()).trim(), expected, "{}", String::from_utf8_lossy(text));
    assert_eq!(error.kind(), ErrorKind::Input);
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    refused_with(&"a.csv".into(), text.as_bytes(), expected);
}

#[test]
fn each_column_gets_the_narrowest_type() {
    check(
        "i,f,b,d,t,w\n1,1,true,2024-01-31,2024-01-31,x\n-2,0.5,False,1969-12-31,2024-02-01 12:00:00,7\n",
        "i: int64 numeric | 1 | -2 |\n\
         f: float64 numeric | 1.0 | 0.5 |\n\
         b: boolean boolean | true | false |\n\
         d: date datetime | 2024-01-31 | 1969-12-31 |\n\
         t: timestamp datetime | 2024-01-31T00:00:00 | 2024-02-01T12:00:00 |\n\
         w: utf8 categorical | x | 7 |",
    );
}

#[test]
fn a_number_that_turns_out_a_word_keeps_its_spelling() {
    check(
        "x,y\n1.50,+5\n007,6\nabc,n\n",
        "x: utf8 categorical | 1.50 | 007 | abc |\ny: utf8 categorical | +5 | 6 | n |",
    );
    check("x\n1e2\nabc\n", "x: utf8 categorical | 1e2 | abc |");
}

#[test]
fn leading_zeros_and_numbers_beyond_64_bits_are_words() {
    check("zip\n007\n123\n", "zip: utf8 categorical | 007 | 123 |");
    check("n\n12345678901234567890\n1\n", "n: utf8 categorical | 12345678901234567890 | 1 |");
    check("n\n12345678901234567890\n0.5\n", "n: float64 numeric | 1.2345678901234567e19 | 0.5 |");
}

#[test]
fn types_that_do_not_mix_become_words() {
    check(
        "x,y\ntrue,2024-01-01\n1,5\n",
        "x: utf8 categorical | true | 1 |\ny: utf8 categorical | 2024-01-01 | 5 |",
    );
}

#[test]
fn stated_words_and_blanks_are_missing_and_none_is_a_value() {
    check(
        "a,b,c\n1,,None\n  ,x,NA\nNaN,N/A,None\n",
        "a: int64 numeric | 1 |  |  |\nb: utf8 categorical |  | x |  |\nc: utf8 categorical | None |  | None |",
    );
    check_with(
        &options(|s| s.nulls = vec!["-999".into()]),
        "a\n-999\n5\n",
        "a: int64 numeric |  | 5 |",
    );
}

#[test]
fn quotes_enclose_delimiters_lines_and_quotes() {
    check(
        "\"a\",b\n\"1,5\",\"say \"\"hi\"\"\"\n\"two\nlines\",x\n",
        "a: utf8 categorical | 1,5 | two\nlines |\nb: utf8 categorical | say \"hi\" | x |",
    );
    check("a,b\n\"1\",\"2.5\"\n", "a: int64 numeric | 1 |\nb: float64 numeric | 2.5 |");
    check_with(
        &options(|s| s.quote = '\''),
        "a,b\n'1,2',x\n",
        "a: utf8 categorical | 1,2 |\nb: utf8 categorical | x |",
    );
}

#[test]
fn the_delimiter_is_seen_in_the_header_or_stated() {
    for text in ["a;b\n1;2\n", "a\tb\n1\t2\n", "a|b\n1|2\n", "a,b\r\n1,2\r\n", "a,b\r1,2\r"] {
        check(text, "a: int64 numeric | 1 |\nb: int64 numeric | 2 |");
    }
    check_with(
        &options(|s| s.delimiter = Some('~')),
        "a,x~b\n1~2\n",
        "a,x: int64 numeric | 1 |\nb: int64 numeric | 2 |",
    );
}

#[test]
fn a_decimal_comma_reads_german_files() {
    let german = options(|s| s.decimal = ',');
    check_with(
        &german,
        "a;b\n1,5;2\n-0,25;3\n",
        "a: float64 numeric | 1.5 | -0.25 |\nb: int64 numeric | 2 | 3 |",
    );
}

#[test]
fn a_mark_at_the_start_and_a_missing_line_end_change_nothing() {
    check("\u{feff}a,b\n1,2", "a: int64 numeric | 1 |\nb: int64 numeric | 2 |");
}

#[test]
fn other_encodings_are_read_when_stated_or_marked() {
    let latin = options(|s| s.encoding = Some("latin1".into()));
    let (table, _) = read_csv(b"name\ncaf\xE9\n", &latin).unwrap();
    assert_eq!(shown(&table), "name: utf8 categorical | café |\n");
    let utf16: Vec<u8> =
        "\u{feff}a\n1\n".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
    assert_eq!(shown(&read_csv(&utf16, &"a.csv".into()).unwrap().0), "a: int64 numeric | 1 |\n");
}

#[test]
fn without_a_header_columns_are_counted() {
    check_with(
        &options(|s| s.header = false),
        "1,x\n2,y\n",
        "column_1: int64 numeric | 1 | 2 |\ncolumn_2: utf8 categorical | x | y |",
    );
}

#[test]
fn a_sample_decides_on_types_and_later_rows_must_fit() {
    let sample = options(|s| s.sample = Some(1));
    check_with(&sample, "a\n1.5\n2\n", "a: float64 numeric | 1.5 | 2.0 |");
    refused_with(
        &sample,
        b"a,b\n1,1\n2,x\n",
        "`a.csv`, line 3: column `b` holds `x`, expected a whole number\n\
         correct the value, or add it to `nulls` if it means a missing one",
    );
}

#[test]
fn an_empty_column_is_left_out_with_a_note() {
    let (table, notes) = read_csv(b"a,x\n1,\n2,NA\n", &"a.csv".into()).unwrap();
    assert_eq!(table.schema().names(), ["a"]);
    assert_eq!(notes, ["column `x` is empty and was left out"]);
    refused("a,b\n,\n,\n", "no column holds a value\ngive rows with values");
}

#[test]
fn a_few_words_among_numbers_are_pointed_out() {
    let mut text = "a\n".to_string();
    (0..99).for_each(|i| text.push_str(&format!("{i}\n")));
    text.push_str("?\n");
    let (_, notes) = read_csv(text.as_bytes(), &"a.csv".into()).unwrap();
    assert_eq!(
        notes,
        ["column `a` holds numbers but for words such as `?`, so all of it was read as words; \
          if they mean missing values, add them to `nulls`"]
    );
}

#[test]
fn ragged_rows_stop_or_are_skipped_and_counted() {
    let text = "a,b\n1,2\n3\n4,5,6\n7,8\n\"x\"y,1\n";
    refused(
        text,
        "`a.csv`, line 3: 1 value where the header has 2\n\
         correct the line, or say `bad_rows: skip` to leave such lines out",
    );
    let folder = folder([("a.csv", text.as_bytes())]);
    let (table, notes) = read(&options(|s| s.bad_rows = BadRows::Skip), folder.path()).unwrap();
    assert_eq!(shown(&table), "a: int64 numeric | 1 | 7 |\nb: int64 numeric | 2 | 8 |\n");
    let note = notes[0].replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(note, "3 rows of `a.csv` that do not fit the header left out: line 3, 4, 6");
}

#[test]
fn infinities_are_refused_among_numbers_and_words_among_words() {
    refused(
        "a\n1\n-inf\n",
        "`a.csv`, line 3: column `a` holds the infinite number `-inf`\n\
         leave the value empty, give a finite number, or add the word to `nulls`",
    );
    refused(
        "a,b\n1.5,x\n1e999,y\n",
        "`a.csv`, line 3: column `a` holds the infinite number `1e999`\n\
         leave the value empty, give a finite number, or add the word to `nulls`",
    );
    check("a\nInfinity\nbeyond\n", "a: utf8 categorical | Infinity | beyond |");
}

#[test]
fn files_without_rows_are_refused() {
    refused("", "`a.csv`: is empty\ngive it a header and rows");
    refused("\n\n", "`a.csv`: is empty\ngive it a header and rows");
    refused("a,b\n", "`a.csv`: has a header and no rows\ngive it rows");
}

#[test]
fn headers_that_cannot_name_columns_are_refused() {
    refused(
        "a,b,a\n1,2,3\n",
        "`a.csv`, line 1: the column name `a` appears twice\ngive every column a name of its own",
    );
    refused(
        "\na,,c\n1,2,3\n",
        "`a.csv`, line 2: column 2 of 3 has no name\n\
         give every column a name in the header, or say `header: false`",
    );
    let wide = format!("{}\n", vec!["c"; 1_000_000].join(","));
    refused(
        &wide,
        "`a.csv`, line 1: the header has 1000000 columns; a table holds 100000\n\
         is the file turned by 90 degrees, or `delimiter` wrong?",
    );
}

#[test]
fn open_quotes_and_other_encodings_are_refused_by_line() {
    refused(
        "a,b\n1,2\n3,\"4\n5,6\n",
        "`a.csv`, line 3: a quote is opened and never closed\n\
         close it, or name another mark with `quote`",
    );
    refused_with(
        &"a.csv".into(),
        b"name\nplain\ncaf\xE9\n",
        "`a.csv`, line 3: the byte 0xE9 is not UTF-8\n\
         say `encoding: windows-1252` (or what it is), or convert the file to UTF-8",
    );
    refused_with(
        &"a.csv".into(),
        b"PK\x03\x04rest",
        "`a.csv`: is a zip archive or a workbook, not text\nunpack it, or save it as CSV",
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    refused_with(
        &options(|s| s.delimiter = Some('"')),
        b"a\n1\n",
        "`delimiter` is `\"`, expected a delimiter, a quote and a decimal mark that differ",
    );
    refused_with(
        &options(|s| s.delimiter = Some('é')),
        b"a\n1\n",
        "`delimiter` is `é`, expected one ASCII mark",
    );
}

#[test]
fn rows_for_a_model_are_read_as_it_knows_them() {
    let wanted = Schema::new(vec![
        Field::new("zip", PhysicalType::Utf8),
        Field::new("price", PhysicalType::Float64).nullable(true),
        Field::new("count", PhysicalType::Int64),
    ])
    .unwrap();
    let read_as = |text: &str| {
        let folder = folder([("a.csv", text.as_bytes())]);
        gristmill_ingest::read_as(&"a.csv".into(), folder.path(), &wanted, &Default::default())
            .map_err(|e| said(&e, folder.path()))
    };
    let table = read_as("count,extra,price,zip\n3.0,?,5,7\n4,,,12\n").unwrap();
    assert_eq!(
        shown(&table),
        "zip: utf8 categorical | 7 | 12 |\n\
         price: float64 numeric | 5.0 |  |\n\
         count: int64 numeric | 3 | 4 |\n"
    );
    assert_eq!(
        read_as("count,price,zap\n1,2,3\n").unwrap_err(),
        "`a.csv`: column `zip` not found; the table has count, price, zap\ndid you mean `zap`?"
    );
    assert_eq!(
        read_as("count,price,zip\n1,2,3\n1.5,2,3\n").unwrap_err(),
        "`a.csv`, line 3: column `count` holds `1.5`, expected a whole number\n\
         correct the value, or add it to `nulls` if it means a missing one"
    );
}

#[test]
fn many_pieces_give_what_one_would() {
    // Every piece guesses for itself; the last row decides.
    let mut text = "i,late,w\n".to_string();
    for row in 0..200_000 {
        text.push_str(&format!("{row},{row},\"{}\"\n", row % 7));
    }
    text.push_str("1,0.5,x\n");
    let (table, _) = read_csv(text.as_bytes(), &"a.csv".into()).unwrap();
    assert_eq!(table.rows(), 200_001);
    let types: Vec<String> =
        table.schema().fields().iter().map(|f| f.physical.to_string()).collect();
    assert_eq!(types, ["int64", "float64", "utf8"]);
    assert_eq!(
        shown(&table.slice(123_456, 1)),
        "i: int64 numeric | 123456 |\nlate: float64 numeric | 123456.0 |\nw: utf8 categorical | 4 |\n"
    );
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let mut text = "a,b\n".to_string();
    for row in 0..150_000 {
        text.push_str(&format!(
            "{},{}\n",
            f64::from(row) / 7.0,
            if row % 11 == 0 { "NA" } else { "w" }
        ));
    }
    let folder = folder([("a.csv", text.as_bytes())]);
    let hash = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read(&"a.csv".into(), folder.path()).unwrap().0.content_hash().unwrap())
    };
    assert_eq!(hash(1), hash(3));
}
