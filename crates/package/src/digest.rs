//! What stands for the content of a file or of a whole package.

use std::fmt;

use serde::{Deserialize, Serialize};

use gristmill_core::Error;

/// A BLAKE3 hash, written as 64 hexadecimal digits. That of a package is the hash of its
/// `model.json`, which holds the hashes of all other files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update_rayon(bytes);
        Self(*hasher.finalize().as_bytes())
    }

    /// The first 16 bytes shaped as a UUID of version 8 (RFC 9562), without dashes.
    pub(crate) fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.0[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        match blake3::Hash::from_hex(&text) {
            Ok(hash) if !text.contains(|c: char| c.is_ascii_uppercase()) => Ok(Self(hash.into())),
            _ => Err(Error::damaged("hash", format!("`{text}` is not 64 hexadecimal digits"))),
        }
    }
}
