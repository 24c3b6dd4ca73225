//! The key that seals secrets in the database: from the variable GRISTMILL_SECRET_KEY, else from a
//! file of the home that nobody else can read, made when it is first needed.

use std::io::Write;
use std::path::Path;

use gristmill::{Error, Home};
use gristmill_server::SealKey;

const VARIABLE: &str = "GRISTMILL_SECRET_KEY";
const FILE: &str = "secret.key";
/// The shortest word that is taken for a key.
const SHORTEST: usize = 16;
/// How many bytes by chance a new key has.
const BYTES: usize = 32;

/// The key of this home.
pub(super) fn secret_key(home: &Home) -> anyhow::Result<SealKey> {
    if let Ok(word) = std::env::var(VARIABLE) {
        return checked(&word, VARIABLE);
    }
    let path = home.root().join(FILE);
    if !path.exists() {
        make(&path)?;
    }
    checked(&fs_err::read_to_string(&path)?, &format!("`{}`", path.display()))
}

fn checked(word: &str, from: &str) -> anyhow::Result<SealKey> {
    if word.trim().len() < SHORTEST {
        let found = format!("the key in {from} is shorter than {SHORTEST} characters");
        let hint = "make one with `head -c 32 /dev/urandom | base64`";
        return Err(Error::input(found).with_hint(hint).into());
    }
    Ok(SealKey::of_word(word))
}

/// Makes the file with a key by chance; of several processes that do, one wins.
fn make(path: &Path) -> anyhow::Result<()> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::input(format!("the system gives no chance: {error}")))?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use fs_err::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(&draft)?.write_all(format!("{digits}\n").as_bytes())?;
    // A link fails where there is a key already, which a rename would replace.
    let linked = fs_err::hard_link(&draft, path);
    fs_err::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}
