//! What a pipeline file can say about where its rows come from.

use std::fmt;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Words that stand for a missing value unless the source says otherwise. `None` is not among
/// them: it is a value in real data.
pub const DEFAULT_NULLS: [&str; 7] = ["", "NA", "N/A", "NaN", "nan", "null", "NULL"];

/// Where rows come from: a path or glob alone, a block that also says how to read it, or a folder of images.
///
/// ```
/// # use gristmill_ingest::SourceSpec;
/// let plain: SourceSpec = serde_json::from_str(r#""customers.csv""#)?;
/// let block: SourceSpec = serde_json::from_str(r#"{"path": "*.txt", "format": "csv", "decimal": ","}"#)?;
/// assert_eq!(plain.path(), "customers.csv");
/// assert_eq!(block.options().decimal, ',');
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SourceSpec {
    /// A path or a glob, relative to the pipeline file.
    Path(String),
    /// A path or a glob, and how to read it.
    File(FileSource),
    /// A folder of images.
    Images(ImageSource),
}

/// Images in the folders of their classes: each file is a row of the columns `image` and `label`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageSource {
    /// A folder, relative to the pipeline file, in which each class has a folder of PNG or JPEG files. They follow
    /// one another class by class in the order of their names.
    pub images: String,
}

/// A file or several, and how to read them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSource {
    /// A path or a glob, relative to the pipeline file. The files of a glob follow one another in
    /// the order of their paths.
    pub path: String,
    /// What the files hold; without it their names say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// What separates values; without it the header shows whether it is `,`, `;`, a tab or `|`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// What may enclose values.
    #[serde(default = "default_quote")]
    pub quote: char,
    /// Whether the first line names the columns; without a header they are `column_1`, `column_2` ...
    #[serde(default = "default_header")]
    pub header: bool,
    /// Words that stand for a missing value; a value of nothing but blanks always does.
    #[serde(default = "default_nulls")]
    pub nulls: Vec<String>,
    /// What stands before the fraction of a number.
    #[serde(default = "default_decimal")]
    pub decimal: char,
    /// The name of the encoding, when it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// What to do with rows that have more or fewer values than the header.
    #[serde(default)]
    pub bad_rows: BadRows,
    /// How many rows decide on the types of columns; without it all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Text with separated values.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line, or one array of objects.
    Jsonl,
}

/// What to do with rows that have more or fewer values than the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BadRows {
    /// Refuse the file and name the first such line.
    #[default]
    Stop,
    /// Leave such rows out, count them and name the first lines.
    Skip,
}

impl SourceSpec {
    /// The path, glob or folder as it was written.
    pub fn path(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::File(file) => &file.path,
            Self::Images(images) => &images.images,
        }
    }

    /// All that is said or assumed about how to read the files of the source. Of images nothing is said.
    pub fn options(&self) -> FileSource {
        match self {
            Self::Path(path) => FileSource::new(path),
            Self::File(file) => file.clone(),
            Self::Images(images) => FileSource::new(&images.images),
        }
    }

    /// The source that a path alone names on a command line: a folder of images, or a file.
    pub fn at(path: &Path) -> Self {
        let written = path.to_string_lossy().into_owned();
        if path.is_dir() {
            Self::Images(ImageSource { images: written })
        } else {
            Self::Path(written)
        }
    }
}

impl FileSource {
    /// The files at `path` with every option as it is without a word.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            format: None,
            delimiter: None,
            quote: default_quote(),
            header: default_header(),
            nulls: default_nulls(),
            decimal: default_decimal(),
            encoding: None,
            bad_rows: BadRows::default(),
            sample: None,
        }
    }
}

impl From<&str> for SourceSpec {
    fn from(path: &str) -> Self {
        Self::Path(path.into())
    }
}

impl From<FileSource> for SourceSpec {
    fn from(file: FileSource) -> Self {
        Self::File(file)
    }
}

/// By hand, so that a mistake in a block is named as what it is.
impl<'de> Deserialize<'de> for SourceSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrBlock;

        fn refused<E: serde::de::Error>(error: serde_json::Error) -> E {
            E::custom(error)
        }

        impl<'de> Visitor<'de> for PathOrBlock {
            type Value = SourceSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, a glob, or a block with `path` or `images`")
            }

            fn visit_str<E>(self, path: &str) -> Result<SourceSpec, E> {
                Ok(SourceSpec::Path(path.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, block: A) -> Result<SourceSpec, A::Error> {
                let block = Map::deserialize(MapAccessDeserializer::new(block))?;
                let is_images = block.contains_key("images") && !block.contains_key("path");
                let block = Value::Object(block);
                if is_images {
                    return ImageSource::deserialize(block)
                        .map(SourceSpec::Images)
                        .map_err(refused);
                }
                FileSource::deserialize(block).map(SourceSpec::File).map_err(refused)
            }
        }

        deserializer.deserialize_any(PathOrBlock)
    }
}

fn default_quote() -> char {
    '"'
}

fn default_header() -> bool {
    true
}

fn default_nulls() -> Vec<String> {
    DEFAULT_NULLS.map(String::from).into()
}

fn default_decimal() -> char {
    '.'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_block_is_named() {
        let error = serde_json::from_str::<SourceSpec>(r#"{"path": "a.csv", "delimeter": ";"}"#);
        let message = error.unwrap_err().to_string();
        assert!(message.contains("unknown field `delimeter`"), "{message}");
        assert!(message.contains("`delimiter`"), "{message}");
        let error = serde_json::from_str::<SourceSpec>(r#"{"images": "pets", "size": 3}"#);
        let message = error.unwrap_err().to_string();
        assert!(message.contains("unknown field `size`, expected `images`"), "{message}");
    }

    #[test]
    fn a_spec_is_written_as_it_is_read() {
        for text in [
            r#""a.csv""#,
            r#"{"path":"a.csv","format":"csv","bad_rows":"skip","sample":10}"#,
            r#"{"images":"pets"}"#,
        ] {
            let spec: SourceSpec = serde_json::from_str(text).unwrap();
            let again = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<SourceSpec>(&again).unwrap(), spec);
        }
    }
}
