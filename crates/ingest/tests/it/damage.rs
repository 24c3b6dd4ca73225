//! Nothing that a file holds makes a reader panic.

use std::path::Path;

use gristmill_core::ErrorKind;
use gristmill_ingest::{BadRows, FileSource, Format, load_table, peek, save_table, write};
use gristmill_testkit::table;
use proptest::prelude::*;

use crate::{folder, read};

fn read_as_anything(folder: &Path, name: &str) {
    for format in [Format::Csv, Format::Jsonl, Format::Parquet] {
        for bad_rows in [BadRows::Stop, BadRows::Skip] {
            let mut source = FileSource::new(name);
            source.format = Some(format);
            source.bad_rows = bad_rows;
            let spec = source.into();
            let _ = read(&spec, folder);
            let _ = peek(&spec, folder);
        }
    }
    let _ = load_table(&folder.join(name));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
        let folder = folder([("a", &bytes)]);
        read_as_anything(folder.path(), "a");
    }

    #[test]
    fn any_text_is_refused_or_read(text in "[a1.\\-,;\"\n\r{}:\\[\\] eE+]{0,80}") {
        let folder = folder([("a", text.as_bytes())]);
        read_as_anything(folder.path(), "a");
    }
}

fn rows() -> gristmill_core::Table {
    table().numbers("f", [1.0, f64::NAN]).words("w", ["x", "y"]).integers("i", [1, 2]).build()
}

/// Every byte of a file flipped, one at a time, and the file cut off everywhere.
fn damage(path: &Path, mut see: impl FnMut()) {
    let bytes = fs_err::read(path).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0xFF;
        fs_err::write(path, &changed).unwrap();
        see();
        fs_err::write(path, &bytes[..at]).unwrap();
        see();
    }
}

#[test]
fn a_damaged_stored_table_is_refused_or_read() {
    let folder = folder([]);
    let path = folder.path().join("t.arrow");
    save_table(&rows(), &path).unwrap();
    damage(&path, || {
        if let Err(error) = load_table(&path) {
            assert_eq!(error.kind(), ErrorKind::Stored, "{error}");
        }
    });
}

#[test]
fn a_damaged_parquet_file_is_refused_or_read() {
    let folder = folder([]);
    let path = folder.path().join("a.parquet");
    write(&rows(), &path).unwrap();
    damage(&path, || {
        let _ = read(&"a.parquet".into(), folder.path());
    });
}

#[test]
fn another_file_is_no_stored_table() {
    let folder = folder([("t.arrow", b"a,b\n1,2\n3,4\n")]);
    let error = load_table(&folder.path().join("t.arrow")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stored);
}
