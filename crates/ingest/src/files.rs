//! From a path or glob to files, and from files to their bytes.

use std::io::Read;
use std::path::{Path, PathBuf};

use gristmill_core::nearest;

use crate::images::{ImageFile, image_files};
use crate::source::{FileSource, Format};
use crate::{IngestError, Result, SourceSpec, memory};

/// A compressed file may grow this many times ...
const MOST_GROWTH: u64 = 256;
/// ... or to this many bytes, whichever is more; beyond that it is taken for a bomb.
const ALWAYS_ALLOWED: u64 = 256 << 20;

const GZIP: &[u8] = &[0x1F, 0x8B];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];

/// The files that a source names, in the order in which they are read. `base` is the folder that
/// relative paths start from.
///
/// # Errors
/// [`IngestError::NotFound`] when there is none; [`IngestError::Unsupported`] for an address
/// instead of a path.
pub fn files(spec: &SourceSpec, base: &Path) -> Result<Vec<PathBuf>> {
    let written = spec.path();
    if written.contains("://") {
        return Err(IngestError::Unsupported {
            what: format!("the address `{written}` cannot be read"),
            hint: "only files are read so far: fetch it in a task, and name the file".into(),
        });
    }
    let path = base.join(written);
    if matches!(spec, SourceSpec::Images(_)) {
        return Ok(image_files(&path)?.into_iter().map(|file| file.path).collect());
    }
    if path.is_file() {
        return Ok(vec![path]);
    }
    if path.is_dir() {
        return Err(IngestError::content(
            &path,
            "is a folder",
            format!(
                "name a file in it, or all with a glob such as `{written}/*.csv`; where it holds images, say \
                 `images: {written}`"
            ),
        ));
    }
    if !written.contains(['*', '?', '[']) {
        return match fs_err::metadata(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
            Ok(_) => Err(IngestError::content(&path, "is not a file", "name a file")),
            Err(_) => Err(not_found(&path)),
        };
    }
    matches(written, base)
}

/// A hash of the bytes of all files that a source names, in order, and of the labels of images: equal when they
/// are.
///
/// # Errors
/// As [`files`], and when a file cannot be read.
pub fn fingerprint(spec: &SourceSpec, base: &Path) -> Result<blake3::Hash> {
    let mut all = blake3::Hasher::new();
    if let SourceSpec::Images(images) = spec {
        for ImageFile { label, .. } in image_files(&base.join(&images.images))? {
            all.update(label.unwrap_or_default().as_bytes()).update(b"\n");
        }
    }
    for path in files(spec, base)? {
        let mut hasher = blake3::Hasher::new();
        hasher.update_rayon(&fs_err::read(&path)?);
        all.update(hasher.finalize().as_bytes());
    }
    Ok(all.finalize())
}

/// The files that a pattern below `base` matches; what looks like a pattern in `base` is none.
fn matches(written: &str, base: &Path) -> Result<Vec<PathBuf>> {
    let escaped = glob::Pattern::escape(&base.to_string_lossy());
    let pattern = Path::new(&escaped).join(written);
    let found = glob::glob(&pattern.to_string_lossy())
        .map_err(|e| IngestError::setting("path", format!("`{written}`"), e.msg))?;
    let mut files = Vec::new();
    for entry in found {
        let entry = entry.map_err(|e| IngestError::Io(e.into()))?;
        if entry.is_file() {
            files.push(entry);
        }
    }
    files.sort();
    if files.is_empty() {
        let hint = "correct the pattern, or name a file";
        return Err(IngestError::content(&base.join(written), "matches no file", hint));
    }
    Ok(files)
}

/// Nothing stands at `path`.
pub(crate) fn not_found(path: &Path) -> IngestError {
    IngestError::NotFound { near: near(path), path: path.into() }
}

/// The name of a file beside `path` that is probably meant.
fn near(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let names: Vec<String> = fs_err::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    nearest(&name, &names).map(String::from)
}

/// What the file at `path` holds, and the delimiter that its name asks for.
pub(crate) fn format(source: &FileSource, path: &Path) -> Result<(Format, Option<u8>)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let delimiter = (extension == "tsv").then_some(b'\t');
    if let Some(format) = source.format {
        return Ok((format, delimiter));
    }
    match extension {
        "csv" | "tsv" => Ok((Format::Csv, delimiter)),
        "parquet" | "pq" => Ok((Format::Parquet, None)),
        "jsonl" | "ndjson" | "json" => Ok((Format::Jsonl, None)),
        _ => Err(IngestError::content(
            path,
            "its name does not tell what it holds",
            "say so: `source: {path: ..., format: csv}` (or parquet, jsonl)",
        )),
    }
}

/// The whole text of a file: decompressed, as UTF-8 where another encoding is stated, without a
/// byte order mark.
pub(crate) fn text(source: &FileSource, path: &Path) -> Result<Vec<u8>> {
    memory::allow(path, fs_err::metadata(path)?.len())?;
    let bytes = fs_err::read(path)?;
    let bytes = match compression(&bytes) {
        None => bytes,
        Some(_) => {
            let allowed = ALWAYS_ALLOWED.max((bytes.len() as u64).saturating_mul(MOST_GROWTH));
            let allowed = allowed.min(memory::memory_limit().unwrap_or(u64::MAX));
            let text = unpacked(&bytes, path, allowed.saturating_add(1))?;
            memory::allow(path, text.len() as u64)?;
            if text.len() as u64 > allowed {
                return Err(IngestError::content(
                    path,
                    format!("grows beyond {MOST_GROWTH} times its size when it is unpacked"),
                    "unpack it by hand if you trust it",
                ));
            }
            text
        }
    };
    plain_utf8(source, path, bytes)
}

/// The text at the start of a file, about `limit` bytes, and whether that is all of it.
pub(crate) fn head(source: &FileSource, path: &Path, limit: u64) -> Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    let mut complete = bytes.len() as u64 <= limit;
    if compression(&bytes).is_some() {
        let packed = fs_err::File::open(path)?;
        bytes =
            unpack(packed, compression(&bytes), limit + 1).map_err(|e| not_unpacked(path, &e))?;
        complete = bytes.len() as u64 <= limit;
    }
    if !complete {
        bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok((plain_utf8(source, path, bytes)?, complete))
}

/// How many bytes of a byte order mark stand before a text that can be read block by block; nothing for
/// text that has to be unpacked or decoded first, or whose lines end by CR alone. `head` are its first bytes.
pub(crate) fn plain_start(source: &FileSource, head: &[u8]) -> Result<Option<u64>> {
    let plain = compression(head).is_none()
        && encoding(source, head)? == encoding_rs::UTF_8
        && head.contains(&b'\n');
    let mark = if head.starts_with(&[0xEF, 0xBB, 0xBF]) { 3 } else { 0 };
    Ok(plain.then_some(mark))
}

/// The first bytes of a file as they are.
pub(crate) fn raw_head(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[derive(Clone, Copy)]
enum Compression {
    Gzip,
    Zstd,
}

fn compression(bytes: &[u8]) -> Option<Compression> {
    if bytes.starts_with(GZIP) {
        Some(Compression::Gzip)
    } else if bytes.starts_with(ZSTD) {
        Some(Compression::Zstd)
    } else {
        None
    }
}

fn unpacked(bytes: &[u8], path: &Path, limit: u64) -> Result<Vec<u8>> {
    unpack(bytes, compression(bytes), limit).map_err(|e| not_unpacked(path, &e))
}

fn unpack(
    packed: impl Read,
    compression: Option<Compression>,
    limit: u64,
) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    match compression {
        Some(Compression::Gzip) => {
            flate2::read::MultiGzDecoder::new(packed).take(limit).read_to_end(&mut text)?;
        }
        Some(Compression::Zstd) => {
            zstd::stream::read::Decoder::new(packed)?.take(limit).read_to_end(&mut text)?;
        }
        None => {
            let mut packed = packed;
            packed.by_ref().take(limit).read_to_end(&mut text)?;
        }
    }
    Ok(text)
}

fn not_unpacked(path: &Path, error: &std::io::Error) -> IngestError {
    IngestError::content(
        path,
        format!("cannot be unpacked: {error}"),
        "is it cut off? Copy it again, or pack it again",
    )
}

fn plain_utf8(source: &FileSource, path: &Path, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
    refuse_binaries(path, &bytes)?;
    let encoding = encoding(source, &bytes)?;
    if encoding != encoding_rs::UTF_8 {
        let (text, _, damaged) = encoding.decode(&bytes);
        if damaged {
            return Err(IngestError::content(
                path,
                format!("is not {}", encoding.name()),
                "correct `encoding`, or convert the file to UTF-8",
            ));
        }
        bytes = text.into_owned().into_bytes();
    }
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        bytes.drain(..3);
    }
    // Lines of old, ended by CR alone.
    if !bytes.contains(&b'\n') {
        for byte in bytes.iter_mut().filter(|b| **b == b'\r') {
            *byte = b'\n';
        }
    }
    Ok(bytes)
}

/// The encoding that is stated, else the one that a byte order mark shows, else UTF-8.
fn encoding(source: &FileSource, bytes: &[u8]) -> Result<&'static encoding_rs::Encoding> {
    match &source.encoding {
        Some(name) => encoding_rs::Encoding::for_label(name.as_bytes()).ok_or_else(|| {
            let expected = "the name of one, such as utf-8 or windows-1252";
            IngestError::setting("encoding", format!("`{name}`"), expected)
        }),
        None => Ok(encoding_rs::Encoding::for_bom(bytes).map_or(encoding_rs::UTF_8, |(e, _)| e)),
    }
}

/// Tells apart what is often taken for text by mistake.
fn refuse_binaries(path: &Path, bytes: &[u8]) -> Result<()> {
    let (what, hint) = match bytes {
        [b'P', b'A', b'R', b'1', ..] => ("a Parquet file", "say `format: parquet`"),
        [b'P', b'K', 3, 4, ..] => ("a zip archive or a workbook", "unpack it, or save it as CSV"),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] => ("an Arrow file", "save it as Parquet"),
        [b'S', b'Q', b'L', b'i', b't', b'e', b' ', ..] => ("a database", "export the table as CSV"),
        _ => return Ok(()),
    };
    Err(IngestError::content(path, format!("is {what}, not text"), hint))
}
