//! Where files lie and what else they hold: packed text, JSON, Parquet, several files.

use std::io::Write;

use gristmill_core::ErrorKind;
use gristmill_ingest::{FileSource, Format, SourceSpec, peek, write};
use gristmill_testkit::table;

use crate::{folder, read, said, shown};

const TEXT: &[u8] = b"a,b\n1,x\n2,y\n";
const SHOWN: &str = "a: int64 numeric | 1 | 2 |\nb: utf8 categorical | x | y |\n";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

#[test]
fn packed_text_is_known_by_its_first_bytes() {
    let zst = zstd::encode_all(TEXT, 3).unwrap();
    let folder = folder([("a.csv.gz", &gzip(TEXT)), ("b.csv.zst", &zst), ("c.csv", &gzip(TEXT))]);
    for name in ["a.csv.gz", "b.csv.zst", "c.csv"] {
        assert_eq!(shown(&read(&name.into(), folder.path()).unwrap().0), SHOWN);
        assert!(peek(&name.into(), folder.path()).unwrap().complete);
    }
}

#[test]
fn packed_text_that_is_cut_off_is_refused() {
    let packed = gzip(TEXT);
    let folder = folder([("a.csv.gz", &packed[..packed.len() - 6])]);
    let error = read(&"a.csv.gz".into(), folder.path()).unwrap_err();
    assert!(error.to_string().contains("cannot be unpacked"), "{error}");
}

#[test]
fn packed_text_that_grows_without_end_is_refused() {
    let mut packer = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..300 {
        packer.write_all(&[b'0'; 1 << 20]).unwrap();
    }
    let folder = folder([("a.csv", &packer.finish().unwrap())]);
    let error = read(&"a.csv".into(), folder.path()).unwrap_err();
    assert!(error.to_string().contains("grows beyond"), "{error}");
}

#[track_caller]
fn json(text: &str, expected: &str) {
    let folder = folder([("a.jsonl", text.as_bytes())]);
    assert_eq!(shown(&read(&"a.jsonl".into(), folder.path()).unwrap().0).trim(), expected);
}

#[test]
fn json_lines_and_arrays_become_columns_in_order_of_appearance() {
    let expected = "b: float64 numeric | 1.0 | 2.5 |\n\
                    a: utf8 categorical | x |  |\n\
                    c: boolean boolean |  | true |";
    json("{\"b\": 1, \"a\": \"x\"}\n\n{\"b\": 2.5, \"c\": true}\n", expected);
    json("[{\"b\": 1, \"a\": \"x\"},\n {\"b\": 2.5, \"c\": true, \"a\": null}]", expected);
}

#[test]
fn json_words_stay_words_and_json_times_become_times() {
    json(
        "{\"n\": \"5\", \"t\": \"2024-01-01T00:00:00Z\", \"m\": 1}\n{\"n\": \"07\", \"t\": null, \"m\": \"x\"}\n",
        "n: utf8 categorical | 5 | 07 |\n\
         t: timestamp datetime | 2024-01-01T00:00:00 |  |\n\
         m: utf8 categorical | 1 | x |",
    );
}

#[test]
fn json_that_makes_no_table_is_refused_by_line() {
    for (text, expected) in [
        (
            "{\"a\": 1}\n{\"a\": [1]}\n",
            "`a.jsonl`, line 2: `a` holds a list or an object, which has no column",
        ),
        ("{\"a\": 1}\nnonsense\n", "`a.jsonl`, line 2: is not a JSON object: expected ident"),
        ("{\"a\": 1, \"a\": 2}\n", "`a.jsonl`, line 1: the key `a` appears twice"),
        (
            "3\n",
            "`a.jsonl`, line 1: is not a JSON object: invalid type: integer `3`, expected an object",
        ),
        ("", "`a.jsonl`: is empty"),
        ("[]", "`a.jsonl`: has no rows"),
    ] {
        let folder = folder([("a.jsonl", text.as_bytes())]);
        let error = read(&"a.jsonl".into(), folder.path()).unwrap_err();
        assert_eq!(said(&error, folder.path()).lines().next(), Some(expected));
    }
}

#[test]
fn files_of_a_glob_follow_one_another_by_name() {
    let folder =
        folder([("p2.csv", b"b,a\nx,0.5\n"), ("p1.csv", b"a,b\n1,7\n"), ("p3.csv", b"a,b\n,08\n")]);
    let (table, _) = read(&"p*.csv".into(), folder.path()).unwrap();
    assert_eq!(
        shown(&table),
        "a: float64 numeric | 1.0 | 0.5 |  |\nb: utf8 categorical | 7 | x | 08 |\n"
    );
    let seen = peek(&"p*.csv".into(), folder.path()).unwrap();
    assert!(!seen.complete && seen.schema().fields()[0].nullable);
}

#[test]
fn files_that_do_not_fit_each_other_are_named() {
    let folder = folder([("p1.csv", b"a,b\n1,2\n"), ("p2.csv", b"a,c\n1,2\n")]);
    let error = read(&"*.csv".into(), folder.path()).unwrap_err();
    assert_eq!(
        said(&error, folder.path()).lines().next(),
        Some("`p1.csv` and `p2.csv` do not fit each other: only `p1.csv` has the column `b`")
    );
}

#[test]
fn what_is_not_there_is_refused_with_what_is() {
    let folder = folder([("customers.csv", TEXT), ("notes.txt", TEXT)]);
    for (path, expected) in [
        ("customer.csv", "`customer.csv` does not exist\ndid you mean `customers.csv`?"),
        ("elsewhere/x.csv", "`elsewhere/x.csv` does not exist"),
        ("*.parquet", "`*.parquet`: matches no file\ncorrect the pattern, or name a file"),
        (
            "notes.txt",
            "`notes.txt`: its name does not tell what it holds\nsay so: `source: {path: ..., format: csv}` (or parquet, jsonl)",
        ),
        (
            "s3://bucket/a.csv",
            "the address `s3://bucket/a.csv` cannot be read\nonly files are read so far: fetch it in a task, and name the file",
        ),
    ] {
        let error = read(&path.into(), folder.path()).unwrap_err();
        assert_eq!(said(&error, folder.path()).trim(), expected);
        assert_eq!(error.kind(), ErrorKind::Input);
    }
    let mut spoken = FileSource::new("notes.txt");
    spoken.format = Some(Format::Csv);
    assert_eq!(shown(&read(&spoken.into(), folder.path()).unwrap().0), SHOWN);
}

#[test]
fn a_folder_is_no_file() {
    let folder = folder([]);
    fs_err::create_dir(folder.path().join("parts")).unwrap();
    let error = read(&"parts".into(), folder.path()).unwrap_err();
    assert_eq!(
        said(&error, folder.path()),
        "`parts`: is a folder\nname a file in it, or all with a glob such as `parts/*.csv`; where it holds images, say `images: parts`"
    );
}

#[test]
fn a_glob_works_below_a_folder_with_brackets() {
    let folder = folder([]);
    let base = folder.path().join("run [1]");
    fs_err::create_dir(&base).unwrap();
    fs_err::write(base.join("a.csv"), TEXT).unwrap();
    assert_eq!(shown(&read(&"*.csv".into(), &base).unwrap().0), SHOWN);
}

#[test]
fn every_form_that_is_written_is_read_back() {
    let rows = table()
        .numbers("f", [Some(1.0), None, Some(-2.5e-7)])
        .integers("i", [Some(i64::MIN), Some(7), None])
        .words("w", [Some("plain"), Some("a, \"quoted\"\nline"), None])
        .booleans("b", [Some(true), None, Some(false)])
        .times("t", [Some(1_000_001), Some(-1), None])
        .build();
    let folder = folder([]);
    for name in ["a.csv", "a.parquet", "a.jsonl"] {
        write(&rows, &folder.path().join(name)).unwrap();
        assert_eq!(read(&name.into(), folder.path()).unwrap().0, rows, "{name}");
    }
    let names = fs_err::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 3, "nothing half-written stays behind");
    let error = write(&rows, &folder.path().join("a.xlsx")).unwrap_err();
    assert!(error.hint().unwrap().contains(".parquet"), "{error}");
}

#[test]
fn a_peek_reads_a_bounded_part() {
    let mut text = b"a,b\n".to_vec();
    for row in 0..500_000 {
        text.extend_from_slice(format!("{row},x\n").as_bytes());
    }
    let lines: Vec<u8> = (0..2000).flat_map(|i| format!("{{\"a\": {i}}}\n").into_bytes()).collect();
    let folder = folder([("a.csv", &text), ("a.csv.gz", &gzip(&text)), ("a.jsonl", &lines)]);
    let many = table().integers("a", 0..5000).build();
    write(&many, &folder.path().join("a.parquet")).unwrap();
    for name in ["a.csv", "a.csv.gz", "a.jsonl", "a.parquet"] {
        let seen = peek(&SourceSpec::from(name), folder.path()).unwrap();
        assert_eq!((seen.sample.rows(), seen.complete), (1000, false), "{name}");
        assert!(seen.schema().fields()[0].nullable);
    }
}

#[test]
fn a_fingerprint_follows_the_bytes() {
    let folder = folder([("a.csv", TEXT), ("b.csv", TEXT), ("c.csv", b"a\n1\n")]);
    let hash = |name: &str| gristmill_ingest::fingerprint(&name.into(), folder.path()).unwrap();
    assert_eq!(hash("a.csv"), hash("b.csv"));
    assert_ne!(hash("a.csv"), hash("c.csv"));
}
