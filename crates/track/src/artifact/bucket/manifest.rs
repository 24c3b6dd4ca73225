//! What a folder in a bucket is made of.

use serde::{Deserialize, Serialize};

use super::super::content::folder_content;
use super::super::{ArtifactKind, ArtifactPath, Content};
use crate::ContentHash;

/// The form of manifests that this version writes.
const FORMAT: u32 = 1;
/// The most bytes of one.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// The files of a folder, in order of their paths. It is written last: where it stands, all of them
/// do. It says itself whether it is whole, since the hash of the folder follows from it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    pub files: Vec<Entry>,
}

/// A file of a folder; its object is called by its number.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub path: ArtifactPath,
    pub hash: ContentHash,
    pub size: u64,
}

impl Manifest {
    pub fn new(files: Vec<Entry>) -> Self {
        Self { format: FORMAT, files }
    }

    /// The manifest of the folder that has this hash, or what is wrong with the bytes.
    pub fn read(bytes: &[u8], hash: ContentHash) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("no list of the folder's files: {error}"))?;
        if manifest.format != FORMAT {
            return Err(format!(
                "a list of format {}, this version knows {FORMAT}",
                manifest.format
            ));
        }
        match manifest.content().hash {
            found if found == hash => Ok(manifest),
            found => Err(format!("a list of the files of folder {found}")),
        }
    }

    /// What a folder of these files is.
    pub fn content(&self) -> Content {
        let names: Vec<String> = self.files.iter().map(|f| f.path.as_str().to_string()).collect();
        let contents: Vec<Content> = self.files.iter().map(Entry::content).collect();
        folder_content(&names, &contents)
    }
}

impl Entry {
    pub fn content(&self) -> Content {
        Content { hash: self.hash, kind: ArtifactKind::File, size: self.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str) -> (Manifest, ContentHash) {
        let path = ArtifactPath::parse(path).unwrap();
        let entry = Entry { path, hash: ContentHash::of(b"a"), size: 1 };
        let manifest = Manifest::new(vec![entry]);
        let hash = manifest.content().hash;
        (manifest, hash)
    }

    #[test]
    fn a_manifest_that_was_tampered_with_is_refused() {
        let (manifest, hash) = manifest("model.json");
        let text = serde_json::to_string(&manifest).unwrap();
        assert_eq!(Manifest::read(text.as_bytes(), hash).unwrap().content().hash, hash);
        for (from, to) in [
            ("model.json", "other.json"),
            ("model.json", "../model.json"),
            ("\"format\":1", "\"format\":2"),
            ("}", ""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert!(Manifest::read(changed.as_bytes(), hash).is_err(), "{changed}");
        }
    }
}
