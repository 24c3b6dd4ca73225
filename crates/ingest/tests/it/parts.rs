//! A source read part by part holds the rows that it holds when it is read whole.

use std::fmt::Write as _;
use std::path::Path;

use fs_err as fs;
use gristmill_core::{Notes, Schema, Table};
use gristmill_ingest::{SourceSpec, parts_as, read, read_as, write};

/// Reads `file` both ways; says in how many parts it came.
#[track_caller]
fn check(folder: &Path, file: &str) -> usize {
    let (spec, notes) = (SourceSpec::from(file), Notes::default());
    let wanted = read(&spec, folder, &notes).unwrap().schema().clone();
    let whole = read_as(&spec, folder, &wanted, &notes).unwrap();
    let parts = parts(folder, file, &wanted).unwrap();
    let mut at = 0;
    for part in &parts {
        let same = whole.slice(at, part.rows());
        for column in 0..wanted.len() {
            assert_eq!(part.column(column), same.column(column), "{file} from row {at}");
        }
        at += part.rows();
    }
    assert_eq!(at, whole.rows());
    parts.len()
}

fn parts(folder: &Path, file: &str, wanted: &Schema) -> gristmill_ingest::Result<Vec<Table>> {
    let notes = Notes::default();
    parts_as(&SourceSpec::from(file), folder, wanted, &notes)?.collect()
}

/// More than a block of text, in which records, quoted line ends and letters lie across the border.
fn long_text() -> String {
    let mut text = String::from("id,note,price\n");
    for row in 0..400_000 {
        let price = if row % 11 == 0 { String::new() } else { format!("{}.25", row % 97) };
        let _ = match row % 7 {
            0 => writeln!(text, "{row},\"two\nlines, ä \"\"quoted\"\" of row {row}\",{price}"),
            _ => writeln!(text, "{row},plain words that stand in row {row},{price}"),
        };
    }
    text
}

#[test]
fn text_comes_in_blocks_of_whole_records() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long.csv"), long_text()).unwrap();
    assert!(check(folder.path(), "long.csv") > 1);
    fs::write(folder.path().join("short.csv"), "\u{feff}a;b\n1;x\n2;y").unwrap();
    assert_eq!(check(folder.path(), "short.csv"), 1);
}

#[test]
fn parquet_comes_in_parts_of_all_columns() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long.csv"), long_text()).unwrap();
    let whole = read(&SourceSpec::from("long.csv"), folder.path(), &Notes::default()).unwrap();
    write(&whole, &folder.path().join("long.parquet")).unwrap();
    assert!(check(folder.path(), "long.parquet") > 10);
}

#[test]
fn files_of_a_glob_and_packed_ones_follow_one_another() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.csv"), "a,b\n1,x\n").unwrap();
    fs::write(folder.path().join("2.csv"), "b,a\ny,2\n").unwrap();
    fs::write(folder.path().join("1.jsonl"), "{\"a\": 3, \"b\": \"z\"}\n").unwrap();
    assert_eq!(check(folder.path(), "*.csv"), 2);
    assert_eq!(check(folder.path(), "1.jsonl"), 1);
}

#[test]
fn what_is_wrong_names_its_line_of_the_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SourceSpec::from("long.csv");
    fs::write(folder.path().join("long.csv"), long_text()).unwrap();
    let wanted = read(&spec, folder.path(), &Notes::default()).unwrap().schema().clone();
    let text = long_text() + "400000,more,dear\n";
    let line = text.lines().count();
    fs::write(folder.path().join("long.csv"), text).unwrap();
    let whole = read_as(&spec, folder.path(), &wanted, &Notes::default()).unwrap_err();
    let part = parts(folder.path(), "long.csv", &wanted).unwrap_err();
    assert_eq!(part.to_string(), whole.to_string());
    assert!(part.to_string().contains(&line.to_string()), "{part}");
    fs::write(folder.path().join("long.csv"), "id,note,price\n").unwrap();
    assert!(parts(folder.path(), "long.csv", &wanted).is_err());
}
