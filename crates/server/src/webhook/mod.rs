//! Telling other programs what happened to a model: signed, in the background, and never an address
//! that only this machine or its network can reach.
//!
//! The form of a message and its headers are MLflow's, so that receivers made for it take ours.

mod address;
mod message;
mod notices;
mod outbox;
mod patience;
mod sender;
mod signature;

pub use address::Reach;
pub(crate) use address::check_url;
pub(crate) use message::{Told, is_prompt};
pub(crate) use notices::{Means, start as start_notices};
pub use notices::{NoticeTarget, Notices};
pub use sender::WebhookSettings;
pub(crate) use sender::{Desk, Sender};
