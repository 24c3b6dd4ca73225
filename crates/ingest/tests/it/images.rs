//! Folders of images.

use std::path::Path;

use gristmill_core::{Field, Notes, PhysicalType, Schema};
use gristmill_ingest::{
    ImageSource, SourceSpec, files, fingerprint, parts_as, peek, read_as, write,
};
use gristmill_testkit::grey_png;
use tempfile::TempDir;

use crate::{read, said};

fn images(folder: &str) -> SourceSpec {
    SourceSpec::Images(ImageSource { images: folder.into() })
}

/// A folder with these files in it, and the folders that they stand in.
fn folder<const N: usize>(files: [(&str, &[u8]); N]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }
    folder
}

fn png(sample: u8) -> Vec<u8> {
    grey_png(1, &[sample])
}

/// Two classes and three images, and what is passed over.
fn pets() -> TempDir {
    folder([
        ("pets/dog/b.png", &png(2)),
        ("pets/cat/z.PNG", &png(3)),
        ("pets/dog/a.png", &png(1)),
        ("pets/.hidden/x.txt", b"x"),
        ("pets/dog/.DS_Store", b"x"),
    ])
}

#[track_caller]
fn refused<const N: usize>(files: [(&str, &[u8]); N], expected: &str) {
    let folder = folder(files);
    let error = read(&images("pets"), folder.path()).unwrap_err();
    assert_eq!(said(&error, folder.path()), expected);
}

#[test]
fn images_become_rows_class_by_class_in_the_order_of_their_names() {
    let folder = pets();
    let (table, notes) = read(&images("pets"), folder.path()).unwrap();
    let field = |name: &str, physical| Field::new(name, physical);
    let expected = vec![field("image", PhysicalType::Binary), field("label", PhysicalType::Utf8)];
    assert_eq!(*table.schema(), Schema::new(expected).unwrap());
    assert!(notes.is_empty());
    let bytes = arrow::array::BinaryArray::from_iter_values([png(3), png(1), png(2)]);
    assert_eq!(table.column(0).as_ref(), &bytes as &dyn arrow::array::Array);
    let labels = arrow::array::StringArray::from(vec!["cat", "dog", "dog"]);
    assert_eq!(table.column(1).as_ref(), &labels as &dyn arrow::array::Array);
    let seen = peek(&images("pets"), folder.path()).unwrap();
    assert_eq!((&seen.sample, seen.complete), (&table, true));
    let names = ["cat/z.PNG", "dog/a.png", "dog/b.png"];
    let paths = names.map(|name| folder.path().join("pets").join(name));
    assert_eq!(files(&images("pets"), folder.path()).unwrap(), paths);
    // As Parquet they are the same rows.
    write(&table, &folder.path().join("pets.parquet")).unwrap();
    let (again, _) = read(&"pets.parquet".into(), folder.path()).unwrap();
    assert_eq!(again, table);
}

#[test]
fn images_without_folders_have_no_label() {
    let folder = folder([("new/b.png", &png(2)), ("new/a.jpg", &png(1))]);
    let (table, _) = read(&images("new"), folder.path()).unwrap();
    assert_eq!((table.schema().names(), table.rows()), (vec!["image".to_string()], 2));
    assert_eq!(
        SourceSpec::at(&folder.path().join("new")).path(),
        folder.path().join("new").to_str().unwrap()
    );
    assert!(matches!(SourceSpec::at(&folder.path().join("new/b.png")), SourceSpec::Path(_)));
}

#[test]
fn of_many_images_a_peek_reads_some_of_all_classes() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b", "c"] {
        let class = folder.path().join("pets").join(class);
        fs_err::create_dir_all(&class).unwrap();
        (0..60).for_each(|at| fs_err::write(class.join(format!("{at}.png")), png(at)).unwrap());
    }
    let seen = peek(&images("pets"), folder.path()).unwrap();
    assert_eq!((seen.sample.rows(), seen.complete), (100, false));
    let labels = seen.sample.column(1);
    let labels = labels.as_any().downcast_ref::<arrow::array::StringArray>().unwrap();
    assert_eq!((labels.value(0), labels.value(50), labels.value(99)), ("a", "b", "c"));
    let (wanted, notes) = (seen.schema().clone(), Notes::default());
    let parts = parts_as(&images("pets"), folder.path(), &wanted, &notes).unwrap();
    assert_eq!(parts.map(|part| part.unwrap().rows()).sum::<usize>(), 180);
}

#[test]
fn what_is_no_image_is_refused_with_its_path_and_what_would_do() {
    let (dog, good) = ("pets/dog/a.png", png(1));
    refused(
        [(dog, &good), ("pets/dog/b.png", b"GIF89a")],
        "`pets/dog/b.png`: is neither a PNG nor a JPEG\nconvert it to PNG or JPEG, or leave it out",
    );
    refused(
        [(dog, &good), ("pets/dog/b.gif", b"GIF89a")],
        "`pets/dog/b.gif`: is neither .png, .jpg nor .jpeg\nconvert it to PNG or JPEG, or move it away",
    );
    refused(
        [(dog, &good), ("pets/a.png", &good)],
        "`pets/a.png`: stands beside folders of classes\nmove it into the folder of its class, or away",
    );
    refused(
        [(dog, &good), ("pets/dog/old/a.png", &good)],
        "`pets/dog/old`: is a folder in the folder of a class\nmove its images into the folder of the class, or away",
    );
    refused(
        [(dog, &good), ("pets/cat/.keep", b"")],
        "`pets/cat`: holds no image\ngive it PNG or JPEG files, or remove it",
    );
    refused(
        [("pets/.keep", b"")],
        "`pets`: holds no image\ngive it a folder of PNG or JPEG files for each class",
    );
    refused(
        [("pets", b"")],
        "`pets`: is no folder\nname the folder in which each class has a folder of images",
    );
    refused([("pest/dog/a.png", &good)], "`pets` does not exist\ndid you mean `pest`?");
    refused(
        [("pets/dog/a.png", &[0; (32 << 20) + 1])],
        "`pets/dog/a.png`: has 33554433 bytes; an image may have 32 MiB\nmake it smaller",
    );
}

#[test]
fn rows_of_a_model_take_bytes_as_they_are() {
    let folder = folder([("new/a.png", &png(1)), ("new/b.png", b"no image")]);
    let image = Field::new("image", PhysicalType::Binary);
    let wanted = Schema::new(vec![image]).unwrap();
    let notes = Notes::default();
    let table = read_as(&images("new"), folder.path(), &wanted, &notes).unwrap();
    assert_eq!(table.rows(), 2);
    let parts: Vec<_> = parts_as(&images("new"), folder.path(), &wanted, &notes).unwrap().collect();
    assert_eq!(parts.len(), 1);
    assert_eq!(*parts[0].as_ref().unwrap(), table);
    let label = Schema::new(vec![Field::new("label", PhysicalType::Utf8)]).unwrap();
    let error = read_as(&images("new"), folder.path(), &label, &notes).unwrap_err();
    assert!(error.to_string().contains("column `label` not found"), "{error}");
}

#[test] // RFC 4648, section 10
fn images_in_text_are_read_in_base64_where_images_are_wanted() {
    let csv = b"image,n\nZm9v,1\n,2\n";
    let lines = b"{\"image\": \"Zm9v\", \"n\": 1}\n{\"n\": 2}\n";
    let folder = folder([("a.csv", csv), ("a.jsonl", lines), ("b.csv", b"image\nno base64\n")]);
    let image = Field::new("image", PhysicalType::Binary).nullable(true);
    let (wanted, notes) = (Schema::new(vec![image]).unwrap(), Notes::default());
    let expected = arrow::array::BinaryArray::from(vec![Some(b"foo".as_slice()), None]);
    for name in ["a.csv", "a.jsonl"] {
        let table = read_as(&name.into(), folder.path(), &wanted, &notes).unwrap();
        assert_eq!(table.column(0).as_ref(), &expected as &dyn arrow::array::Array, "{name}");
        let mut parts = parts_as(&name.into(), folder.path(), &wanted, &notes).unwrap();
        assert_eq!(parts.next().unwrap().unwrap(), table, "{name}");
    }
    let error = read_as(&"b.csv".into(), folder.path(), &wanted, &notes).unwrap_err();
    assert!(error.to_string().contains("column `image` holds a text in row 1 that is no base64"));
}

#[test]
#[cfg(unix)]
fn no_link_leads_out_of_the_folder() {
    let folder = folder([("pets/dog/a.png", &png(1)), ("other/secret.png", &png(9))]);
    let link = |to: &str, from: &str| {
        let from = folder.path().join(from);
        let _ = fs_err::remove_file(&from);
        fs_err::os::unix::fs::symlink(folder.path().join(to), from).unwrap();
    };
    link("pets/dog/a.png", "pets/dog/b.png");
    assert_eq!(read(&images("pets"), folder.path()).unwrap().0.rows(), 2);
    link("other/secret.png", "pets/dog/b.png");
    let error = read(&images("pets"), folder.path()).unwrap_err();
    assert!(
        said(&error, folder.path()).starts_with("`pets/dog/b.png`: is a link out of the folder")
    );
    link("pets/dog/a.png", "pets/dog/b.png");
    link("other", "pets/cat");
    let error = read(&images("pets"), folder.path()).unwrap_err();
    assert!(said(&error, folder.path()).starts_with("`pets/cat`: is a link out of the folder"));
}

#[test]
fn equal_images_in_other_folders_are_another_source() {
    let mark = |base: &Path| fingerprint(&images("pets"), base).unwrap();
    let (one, same) = (pets(), pets());
    assert_eq!(mark(one.path()), mark(same.path()));
    let pets = same.path().join("pets");
    fs_err::rename(pets.join("dog/a.png"), pets.join("cat/zz.png")).unwrap();
    assert_ne!(mark(one.path()), mark(same.path()));
}
