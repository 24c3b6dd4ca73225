//! What Gristmill answers over HTTP: the API that MLflow's clients speak, webhooks, and whether it lives.
//!
//! Start with [`Server`], which listens on threads of its own, and [`Settings`], which say where and
//! over which store. Nothing here reads a clock or draws an id: both come with the settings. No type
//! of the HTTP library leaves this crate.

mod access;
mod audit;
mod base;
mod cards;
mod connections;
mod door;
mod error;
mod gate;
mod hooks;
mod house;
mod ids;
mod inference;
mod limits;
mod memory;
mod mlflow;
mod monitors;
mod names;
mod observe;
mod plain;
mod ranges;
mod routes;
mod seal;
mod sent;
mod server;
mod settings;
mod streams;
mod ticket;
mod tidy;
mod traffic;
mod tree;
mod webhook;

pub use access::Rate;
pub use cards::Cards;
pub use error::ServerError;
/// What the traits here are told in.
pub use gristmill_track::{Note, Secret};
pub use hooks::{HookAnswer, Hooks};
pub use ids::{Ids, RandomIds};
pub use monitors::{MonitorError, Monitors};
pub use observe::{AccessLog, TraceSettings};
pub use seal::SealKey;
pub use server::Server;
pub use settings::{Access, RequestLimits, Serves, Settings};
pub use webhook::{NoticeTarget, Notices, Reach, WebhookSettings};
