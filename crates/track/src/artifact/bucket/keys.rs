//! What objects are called. Only hashes and numbers make their names, so no key depends on what
//! somebody called a file.

use gristmill_bucket::BucketAddress;

use crate::ContentHash;

const FILES: &str = "files/";
const FOLDERS: &str = "folders/";
const OWNERS: &str = "owners/";
const MANIFEST: &str = "manifest.json";

pub(super) struct Keys(pub BucketAddress);

/// What an object is, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file.
    File(ContentHash),
    /// The list of a folder's files.
    Manifest(ContentHash),
    /// A file of a folder.
    Part(ContentHash),
}

impl Keys {
    pub fn files(&self) -> String {
        self.0.key(FILES)
    }

    pub fn file(&self, hash: ContentHash) -> String {
        self.0.key(&format!("{FILES}{hash}"))
    }

    pub fn folders(&self) -> String {
        self.0.key(FOLDERS)
    }

    /// What all keys of a folder begin with.
    pub fn folder(&self, hash: ContentHash) -> String {
        self.0.key(&format!("{FOLDERS}{hash}/"))
    }

    pub fn manifest(&self, hash: ContentHash) -> String {
        self.0.key(&format!("{FOLDERS}{hash}/{MANIFEST}"))
    }

    /// The file of a folder that has this number.
    pub fn part(&self, hash: ContentHash, number: usize) -> String {
        self.0.key(&format!("{FOLDERS}{hash}/{number}"))
    }

    pub fn owners(&self) -> String {
        self.0.key(OWNERS)
    }

    pub fn owner(&self, owner: &str) -> String {
        self.0.key(&format!("{OWNERS}{}", ContentHash::of(owner.as_bytes())))
    }

    /// What an object is; nothing when it is none of ours.
    pub fn kind(&self, key: &str) -> Option<Kind> {
        let name = self.0.name(key)?;
        if let Some(hash) = name.strip_prefix(FILES) {
            return hash.parse().ok().map(Kind::File);
        }
        let (hash, name) = name.strip_prefix(FOLDERS)?.split_once('/')?;
        let hash = hash.parse().ok()?;
        match name {
            MANIFEST => Some(Kind::Manifest(hash)),
            number => number.parse::<u32>().ok().map(|_| Kind::Part(hash)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_it_is_of() {
        let keys = Keys(BucketAddress::parse("s3://lake/runs").unwrap());
        let hash = ContentHash::of(b"a");
        assert_eq!(keys.kind(&keys.file(hash)), Some(Kind::File(hash)));
        assert_eq!(keys.kind(&keys.manifest(hash)), Some(Kind::Manifest(hash)));
        assert_eq!(keys.kind(&keys.part(hash, 12)), Some(Kind::Part(hash)));
        for key in ["files/a", "runs/files/a", "runs/folders/a/1", "runs/other", "elsewhere"] {
            assert_eq!(keys.kind(key), None, "{key}");
        }
        assert_eq!(keys.kind(&keys.owner("us")), None);
    }
}
