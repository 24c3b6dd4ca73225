//! Secrets: found by name, given to commands, never shown.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::{Fault, TaskError};

/// The fewest bytes that a secret may have. The output of a command is shown with its secrets
/// blotted out; if that were done for every `a` or `42`, nothing could be read, and if it were not,
/// the secret would stand there. So shorter ones are refused.
const FEWEST_BYTES: usize = 4;
/// The most bytes; more do not fit into a variable of the environment.
const MOST_BYTES: usize = 128 << 10;

/// Where secrets are kept.
pub trait Secrets: Send + Sync {
    /// The secret of this name.
    ///
    /// # Errors
    /// When there is none, with the places where it was looked for.
    fn get(&self, name: &str) -> Result<Secret, TaskError>;
}

/// The content of a secret. It has no `Display` and no `Serialize`, its `Debug` says nothing of
/// it, and it is at least four bytes long.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret `name` with this content, of which one newline at the end is no part.
    ///
    /// # Errors
    /// When it is too short to be blotted out of what commands print, or too long for
    /// a variable.
    pub fn new(name: &str, content: impl Into<String>) -> Result<Self, TaskError> {
        let mut content = content.into();
        if content.ends_with('\n') {
            content.pop();
            if content.ends_with('\r') {
                content.pop();
            }
        }
        let wrong = match content.len() {
            0 => "is empty".to_owned(),
            bytes if bytes < FEWEST_BYTES => {
                format!("has less than {FEWEST_BYTES} bytes, too few to be hidden in logs")
            }
            bytes if bytes > MOST_BYTES => format!("has {bytes} bytes, more than {MOST_BYTES}"),
            _ if content.contains('\0') => "holds a zero byte".to_owned(),
            _ => return Ok(Self(content)),
        };
        let error = TaskError::new(Fault::Input, format!("secret `{name}` {wrong}"));
        Err(error.with_hint("set it to the whole secret, or use a plain text in `env` instead"))
    }

    /// The content, for those that must have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Secrets in variables of the environment, or else in files of a folder, such as a container
/// has mounted.
#[derive(Clone, Debug, Default)]
pub struct UsualSecrets {
    folder: Option<PathBuf>,
}

impl UsualSecrets {
    /// Those of the environment, and no files.
    pub fn of_environment() -> Self {
        Self::default()
    }

    /// Those of the environment, or else the files in `folder`.
    pub fn with_folder(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()) }
    }

    fn find(&self, name: &str, variable: Option<OsString>) -> Result<Secret, TaskError> {
        check_name(name)?;
        let content = match (variable, &self.folder) {
            (Some(variable), _) => variable.into_string().ok(),
            (None, None) => return Err(self.missing(name)),
            (None, Some(folder)) => match fs_err::read(folder.join(name)) {
                Ok(bytes) => String::from_utf8(bytes).ok(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(self.missing(name));
                }
                Err(error) => return Err(error.into()),
            },
        };
        let Some(content) = content else {
            return Err(TaskError::new(Fault::Input, format!("secret `{name}` is no UTF-8 text")));
        };
        Secret::new(name, content)
    }

    fn missing(&self, name: &str) -> TaskError {
        let mut message =
            format!("secret `{name}` was not found: there is no environment variable `{name}`");
        let mut hint = format!("set the environment variable `{name}`");
        if let Some(folder) = &self.folder {
            let file = folder.join(name);
            message.push_str(&format!(" and no file `{}`", file.display()));
            hint.push_str(" or write that file");
        }
        TaskError::new(Fault::Input, message).with_hint(hint)
    }
}

impl Secrets for UsualSecrets {
    fn get(&self, name: &str) -> Result<Secret, TaskError> {
        self.find(name, std::env::var_os(name))
    }
}

/// Refuses names that would lead out of a folder or into no variable.
fn check_name(name: &str) -> Result<(), TaskError> {
    match bad_name(name) {
        None => Ok(()),
        Some(message) => Err(TaskError::new(Fault::Input, message)),
    }
}

/// What is wrong with the name of a secret.
pub(super) fn bad_name(name: &str) -> Option<String> {
    let bad = name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '=', '\0']);
    bad.then(|| {
        format!("`{name}` is no name of a secret, expected letters, digits, `_`, `-` and `.`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("TOKEN"), "from a file\r\n").unwrap();
        let secrets = UsualSecrets::with_folder(folder.path());
        let find =
            |variable: Option<&str>| secrets.find("TOKEN", variable.map(Into::into)).unwrap();
        assert_eq!(find(Some("from outside")).reveal(), "from outside");
        assert_eq!(find(None).reveal(), "from a file");
        assert!(secrets.get("PATH").is_ok());
    }

    #[test]
    fn a_missing_one_says_where_it_was_looked_for() {
        let none = UsualSecrets::of_environment().find("TOKEN", None).unwrap_err();
        assert_eq!(
            none.message,
            "secret `TOKEN` was not found: there is no environment variable `TOKEN`"
        );
        let none =
            UsualSecrets::with_folder(Path::new("/no/such")).find("TOKEN", None).unwrap_err();
        assert!(none.message.ends_with("and no file `/no/such/TOKEN`"), "{none}");
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", "../x", "a/b", ".hidden", "A=B"] {
            let error = UsualSecrets::with_folder(Path::new("/")).find(name, None).unwrap_err();
            assert!(error.message.contains("is no name of a secret"), "{error}");
        }
    }

    #[test]
    fn what_could_not_be_hidden_is_refused() {
        for (content, words) in [("", "is empty"), ("\n", "is empty"), ("abc", "less than 4 bytes")]
        {
            let error = Secret::new("PIN", content).unwrap_err();
            assert!(error.message.contains(words) && error.message.contains("`PIN`"), "{error}");
        }
        assert_eq!(format!("{:?}", Secret::new("PIN", "1234").unwrap()), "Secret(***)");
    }
}
