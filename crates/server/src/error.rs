//! Why a server does not start.

use gristmill_core::ErrorKind;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The host is no address of this machine's.
    #[error("`{host}` is no address to listen on")]
    Address {
        /// What was given.
        host: String,
    },
    /// Others could reach it, and nothing would keep them out.
    #[error("`{host}` can be reached from elsewhere")]
    Open {
        /// What was given.
        host: String,
    },
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {found}")]
    Listen {
        /// Where it would have listened.
        address: String,
        /// What the system said.
        found: String,
    },
    /// What is told of requests cannot be told where it is to be.
    #[error("{found}")]
    Observe {
        /// What cannot be done, and what the system said.
        found: String,
        /// What would do.
        hint: &'static str,
    },
    /// Threads or sockets cannot be had.
    #[error("the server cannot start: {found}")]
    Start {
        /// What the system said.
        found: String,
    },
}

impl ServerError {
    /// What the reader can do: correct the settings, or try again.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    /// A short remedy.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Address { .. } => "use 127.0.0.1, ::1, or 0.0.0.0 with a token",
            Self::Open { .. } => {
                "make a token with `gristmill token create NAME`, or use 127.0.0.1"
            }
            Self::Listen { .. } => "choose another --port; 0 takes one that is free",
            Self::Observe { hint, .. } => hint,
            Self::Start { .. } => "let the process have more threads and open files",
        }
    }
}
