use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use gristmill_core::PhysicalType;
use gristmill_testkit::parquet::{Page, ParquetFile, nested, with_footer};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, Encoding};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;

use super::*;

const LIMITS: BodyLimits = BodyLimits { rows: 100_000, bytes: 1 << 20 };

fn wanted() -> Schema {
    let plan = Field::new("plan", PhysicalType::Utf8);
    let age = Field::new("age", PhysicalType::Int64).nullable(true);
    Schema::new(vec![plan, age, Field::number("price").nullable(true)]).unwrap()
}

fn texts(pages: Vec<Page>, rows: i64) -> Vec<u8> {
    ParquetFile::of_texts("plan", rows, pages).bytes()
}

/// The rows of three columns, of which one is missing.
fn table() -> Table {
    gristmill_testkit::table()
        .words("plan", ["basic", "pro", "basic"])
        .integers("age", [Some(41), None, Some(7)])
        .words("other", ["x", "y", "z"])
        .build()
}

fn written(properties: WriterProperties) -> Vec<u8> {
    let batch = table().to_batch().unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn rows_are_read_however_they_are_written() {
    let builder = WriterProperties::builder;
    let gzip = Codec::GZIP(Default::default());
    for properties in [
        builder().build(),
        builder().set_compression(Codec::SNAPPY).build(),
        builder().set_compression(Codec::ZSTD(Default::default())).build(),
        builder().set_compression(gzip).build(),
        builder().set_dictionary_enabled(false).set_encoding(Encoding::PLAIN).build(),
        builder().set_max_row_group_row_count(Some(1)).build(),
        builder().set_writer_version(WriterVersion::PARQUET_2_0).set_compression(gzip).build(),
    ] {
        let read = read_parquet_body(&written(properties), &wanted(), LIMITS).unwrap();
        assert_eq!(read.schema().names(), ["plan", "age", "price"]);
        let conformed = read.conform(&wanted()).unwrap();
        assert_eq!(conformed.column_named("plan").unwrap(), table().column_named("plan").unwrap());
        assert_eq!(conformed.column_named("age").unwrap(), table().column_named("age").unwrap());
        assert_eq!(conformed.column_named("price").unwrap().null_count(), 3);
    }
}

#[test]
fn files_that_are_made_byte_by_byte_are_read_where_they_do_not_lie() {
    let pages = vec![Page::dictionary(&[b"basic"]), Page::repeated(3)];
    let read = read_parquet_body(&texts(pages, 3), &wanted(), LIMITS).unwrap();
    let plan = read.column_named("plan").unwrap().as_string::<i32>().clone();
    assert_eq!(plan.iter().collect::<Vec<_>>(), [Some("basic"); 3]);
    let read = read_parquet_body(&texts(vec![Page::texts(&[b"a", b"b"])], 2), &wanted(), LIMITS);
    assert_eq!(read.unwrap().rows(), 2);
}

#[track_caller]
fn check(body: &[u8], words: &str) {
    let error = read_parquet_body(body, &wanted(), LIMITS).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_text_is_not_repeated_beyond_the_bound() {
    let long = vec![b'a'; 100_000];
    let bomb = texts(vec![Page::dictionary(&[&long]), Page::repeated(90_000)], 90_000);
    check(&bomb, "more than 1048576 bytes once they are unpacked");
}

#[test]
fn pages_that_lie_about_their_length_are_refused() {
    let huge = Page { unpacked: i64::from(i32::MAX), ..Page::texts(&[b"a"]) };
    check(&texts(vec![huge], 1), "more than 1048576 bytes once they are unpacked");
    check(&texts(vec![Page { unpacked: -1, ..Page::texts(&[b"a"]) }], 1), "a negative size");
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&vec![0; 50_000_000]).unwrap();
    let page = Page { bytes: packer.finish().unwrap(), unpacked: 100, ..Page::texts(&[b"a"]) };
    let mut file = ParquetFile::of_texts("plan", 1, vec![page]);
    file.columns[0].codec = 2;
    check(&file.bytes(), "unpacks to more than the 100 bytes that it says");
}

#[test]
fn pages_that_lie_about_their_values_are_refused() {
    let many = Page { values: i64::from(i32::MAX), ..Page::dictionary(&[b"a"]) };
    check(&texts(vec![many, Page::repeated(3)], 3), "a page has 2147483647 values");
    check(
        &texts(vec![Page::dictionary(&[b"a"]), Page::repeated(1 << 30)], 3),
        "values, where there can be 3",
    );
    check(&texts(vec![Page { values: -1, ..Page::texts(&[b"a"]) }], 1), "a page has -1 values");
    check(&texts(vec![Page { values: 2, ..Page::texts(&[b"a"]) }], 2), "cannot be read");
}

#[test]
fn more_rows_than_may_be_are_refused_by_what_the_footer_says() {
    let few = || vec![Page::dictionary(&[b"a"]), Page::repeated(3)];
    check(&texts(few(), 100_001), "has 100001 rows, and a request may have 100000");
    check(&texts(few(), i64::MAX), "and a request may have 100000");
    check(&texts(few(), -3), "less than no rows");
    check(&texts(few(), 4), "cannot be read");
}

#[test]
fn encodings_by_which_a_few_bytes_are_any_number_are_refused() {
    let page = Page { encoding: 7, ..Page::texts(&[b"a"]) };
    check(&texts(vec![page], 1), "the encoding 7; write values plainly or with a dictionary");
}

#[test]
fn footers_that_are_deep_or_long_or_no_footers_are_refused() {
    check(&nested(100_000), "more than 16 deep");
    check(&nested(20), "more than 16 deep");
    check(b"", "too short");
    check(b"PAR1", "too short");
    check(b"PAR1\xff\xff\xff\xffPAR1", "the footer has 4294967295 bytes");
    check(b"PAR1\x09\x00\x00\x00PAR1", "its footer begins before it");
    check(b"unit,cycle,sensor\n1,2,3\n", "does not end as such a file does");
    check(&with_footer(b"PAR1".to_vec(), &[0x19; 64]), "its footer is damaged");
}

#[test]
fn a_column_that_is_no_single_values_is_refused_where_it_is_wanted() {
    use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int64Array, ListArray};
    use arrow::buffer::OffsetBuffer;
    let write = |name: &str, column: ArrayRef| {
        let batch = RecordBatch::try_from_iter([(name, column)]).unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    };
    let item = Arc::new(ArrowField::new("item", DataType::Int64, true));
    let numbers = Arc::new(Int64Array::from(vec![1, 2]));
    let offsets = OffsetBuffer::new(vec![0, 1, 2].into());
    let list: ArrayRef = Arc::new(ListArray::new(item, offsets, numbers, None));
    check(&write("plan", Arc::clone(&list)), "column `plan` is nested");
    assert!(read_parquet_body(&write("other", list), &wanted(), LIMITS).is_ok());
    let long = FixedSizeBinaryArray::try_from_iter([vec![0_u8; 100]].into_iter()).unwrap();
    check(&write("plan", Arc::new(long)), "keeps FixedSizeBinary(100) as bytes");
}

#[test]
fn no_beginning_of_a_file_is_read_as_one() {
    let file = written(WriterProperties::builder().build());
    for length in 0..file.len() {
        assert!(read_parquet_body(&file[..length], &wanted(), LIMITS).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn whatever_is_damaged_is_read_or_refused(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        codec in 0..2_usize,
    ) {
        let codec = [Codec::UNCOMPRESSED, Codec::GZIP(Default::default())][codec];
        let mut file = written(WriterProperties::builder().set_compression(codec).build());
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        // It may be damaged where nobody looks, or where a value stands.
        if let Ok(table) = read_parquet_body(&file, &wanted(), LIMITS) {
            prop_assert!(table.rows() <= LIMITS.rows);
        }
    }
}
