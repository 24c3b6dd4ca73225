//! Images in the folders of their classes become rows.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, StringArray};
use gristmill_core::{Field, PhysicalType, Picture, PictureError, Schema, Table};
use rayon::prelude::*;

use crate::read::Peek;
use crate::{IngestError, Result, memory};

/// The columns of the table.
const IMAGE: &str = "image";
const LABEL: &str = "label";

/// How many bytes a file may have: an image of as many pixels as are decoded has fewer as a rule.
const MOST_BYTES: u64 = 32 << 20;
/// How many files a peek reads, and how many bytes of them.
const PEEK_FILES: usize = 100;
const PEEK_BYTES: u64 = 8 << 20;
/// How many files a part has, and how many bytes.
const PART_FILES: usize = 4_096;
const PART_BYTES: u64 = 64 << 20;

/// A file with the class in whose folder it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageFile {
    pub path: PathBuf,
    pub label: Option<String>,
    bytes: u64,
}

/// What a folder holds at one name.
struct Listed {
    path: PathBuf,
    name: String,
    /// The size of a file; a folder has none.
    bytes: Option<u64>,
}

/// Whether an image is decoded where it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// All of it: what cannot be used is named by its path.
    Pixels,
    /// Its header.
    Header,
    /// Not at all: whoever takes the bytes knows what to do with those that are no image.
    Nothing,
}

/// The images in `folder`, class by class and in the order of their names. Where it has no folders, those that
/// stand in it, which have no label. Names that begin with a dot are passed over.
///
/// # Errors
/// When there is none, and for whatever is no image by its name, stands in no folder of a class while others do,
/// or is a link to somewhere else.
pub(crate) fn image_files(folder: &Path) -> Result<Vec<ImageFile>> {
    let root = root(folder)?;
    let (classes, loose): (Vec<Listed>, Vec<Listed>) =
        listed(folder, &root)?.into_iter().partition(|listed| listed.bytes.is_none());
    if let (Some(stray), false) = (loose.first(), classes.is_empty()) {
        let hint = "move it into the folder of its class, or away";
        return Err(IngestError::content(&stray.path, "stands beside folders of classes", hint));
    }
    let mut files = Vec::new();
    for file in loose {
        files.push(image_file(file, None)?);
    }
    for class in classes {
        let inside = listed(&class.path, &root)?;
        if inside.is_empty() {
            let hint = "give it PNG or JPEG files, or remove it";
            return Err(IngestError::content(&class.path, "holds no image", hint));
        }
        for file in inside {
            files.push(image_file(file, Some(&class.name))?);
        }
    }
    if files.is_empty() {
        let hint = "give it a folder of PNG or JPEG files for each class";
        return Err(IngestError::content(folder, "holds no image", hint));
    }
    Ok(files)
}

/// Where the folder really stands, which no link may lead out of.
fn root(folder: &Path) -> Result<PathBuf> {
    match fs_err::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(fs_err::canonicalize(folder)?),
        Ok(_) => {
            let hint = "name the folder in which each class has a folder of images";
            Err(IngestError::content(folder, "is no folder", hint))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(crate::files::not_found(folder)),
        Err(e) => Err(e.into()),
    }
}

/// What stands in a folder, by name.
fn listed(folder: &Path, root: &Path) -> Result<Vec<Listed>> {
    let mut all = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            let hint = "rename it; names are read as UTF-8";
            return Err(IngestError::content(&path, "has a name that is no text", hint));
        };
        if name.starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_symlink() && !fs_err::canonicalize(&path)?.starts_with(root) {
            let hint = "copy what it points to into the folder, or remove it";
            return Err(IngestError::content(&path, "is a link out of the folder", hint));
        }
        let found = fs_err::metadata(&path)?;
        if !found.is_dir() && !found.is_file() {
            return Err(IngestError::content(&path, "is not a file", "remove it"));
        }
        all.push(Listed { path, name, bytes: found.is_file().then_some(found.len()) });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn image_file(Listed { path, name, bytes }: Listed, label: Option<&String>) -> Result<ImageFile> {
    let Some(bytes) = bytes else {
        let hint = "move its images into the folder of the class, or away";
        return Err(IngestError::content(&path, "is a folder in the folder of a class", hint));
    };
    let name = name.to_lowercase();
    if ![".png", ".jpg", ".jpeg"].iter().any(|end| name.ends_with(end)) {
        let hint = "convert it to PNG or JPEG, or move it away";
        return Err(IngestError::content(&path, "is neither .png, .jpg nor .jpeg", hint));
    }
    if bytes > MOST_BYTES {
        return Err(too_long(&path, bytes));
    }
    Ok(ImageFile { path, label: label.cloned(), bytes })
}

fn too_long(path: &Path, bytes: u64) -> IngestError {
    let most = MOST_BYTES >> 20;
    IngestError::content(
        path,
        format!("has {bytes} bytes; an image may have {most} MiB"),
        "make it smaller",
    )
}

/// All images of `folder`, as a table of the columns `image` and `label`.
pub(crate) fn read(folder: &Path) -> Result<Table> {
    let files = image_files(folder)?;
    allow(folder, &files)?;
    table(&files, Look::Pixels)
}

/// As [`read`], with bytes as they are: those that are no image are judged where they are used.
pub(crate) fn read_unseen(folder: &Path) -> Result<Table> {
    let files = image_files(folder)?;
    allow(folder, &files)?;
    table(&files, Look::Nothing)
}

/// Refuses more than memory, or a column, can hold.
fn allow(folder: &Path, files: &[ImageFile]) -> Result<()> {
    let bytes = files.iter().map(|file| file.bytes).sum();
    memory::allow(folder, bytes)?;
    if i32::try_from(bytes).is_err() {
        let found = format!("holds {bytes} bytes of images; one column holds 2 GiB");
        return Err(IngestError::content(folder, found, "make them smaller, or give fewer"));
    }
    Ok(())
}

/// Some images from all over the folder.
pub(crate) fn peek(folder: &Path) -> Result<Peek> {
    let files = image_files(folder)?;
    let count = files.len().min(PEEK_FILES);
    let mut bytes = 0;
    let mut some: Vec<ImageFile> = Vec::with_capacity(count);
    for at in 0..count {
        let file = &files[at * files.len() / count];
        bytes += file.bytes;
        if bytes <= PEEK_BYTES || some.is_empty() {
            some.push(file.clone());
        }
    }
    Ok(Peek { sample: table(&some, Look::Header)?, complete: some.len() == files.len() })
}

/// The images of a folder, some at a time.
pub(crate) struct ImageParts {
    files: std::vec::IntoIter<ImageFile>,
}

impl ImageParts {
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self { files: image_files(folder)?.into_iter() })
    }

    /// The next rows; nothing when there are no more.
    pub fn next(&mut self) -> Result<Option<Table>> {
        let mut bytes = 0;
        let within = self.files.as_slice().iter().take(PART_FILES).take_while(|file| {
            let first = bytes == 0;
            bytes += file.bytes;
            first || bytes <= PART_BYTES
        });
        let count = within.count();
        let part: Vec<ImageFile> = self.files.by_ref().take(count).collect();
        if part.is_empty() { Ok(None) } else { table(&part, Look::Nothing).map(Some) }
    }
}

fn table(files: &[ImageFile], look: Look) -> Result<Table> {
    let images = files.par_iter().map(|file| bytes(&file.path, look)).collect::<Vec<Result<_>>>();
    let images = images.into_iter().collect::<Result<Vec<Vec<u8>>>>()?;
    let mut fields = vec![Field::new(IMAGE, PhysicalType::Binary)];
    let mut columns: Vec<ArrayRef> = vec![Arc::new(BinaryArray::from_iter_values(&images))];
    let labels: Option<Vec<&str>> = files.iter().map(|file| file.label.as_deref()).collect();
    if let Some(labels) = labels {
        fields.push(Field::new(LABEL, PhysicalType::Utf8));
        columns.push(Arc::new(StringArray::from(labels)));
    }
    Ok(Table::new(Schema::new(fields)?, columns)?)
}

fn bytes(path: &Path, look: Look) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // It may have grown since it was listed.
    fs_err::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_long(path, bytes.len() as u64));
    }
    let refused = |error: PictureError| IngestError::content(path, error.to_string(), error.hint());
    match look {
        Look::Nothing => {}
        Look::Header => drop(Picture::size(&bytes).map_err(refused)?),
        Look::Pixels => drop(Picture::decode(&bytes).map_err(refused)?),
    }
    Ok(bytes)
}
