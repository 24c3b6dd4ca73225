//! The statements, written once in the SQL that SQLite and Postgres share.
//!
//! Each store compiles this folder as a module of its own, over its `Connection`, `Database`, `DbRow`
//! and `Keeper`, so a statement is checked for both and stands here once. What a store gives besides:
//! `Keeper::read` and `Keeper::write`, which run [`Statements`] in a transaction,
//! `Keeper::write_metrics`, which may log those of several callers together, and `hold` and `share`,
//! which keep others away from a thing until that transaction ends. Whatever depends on what it has
//! just read holds the thing first. A transaction may be begun anew when the database asks for it,
//! so statements borrow what they work on. `BEGIN`, `LAYOUT_IS_THERE`, `OBJECT_OF`, `ARRAY_OF`, `POINT` and
//! `in_dialect` are the few words in which the databases differ.

mod adoption;
mod audit;
mod away;
mod columns;
mod deployments;
mod dues;
mod experiments;
mod files;
mod filter;
mod histories;
mod history;
mod inputs;
mod labels;
pub(crate) mod layout;
mod lead;
mod leases;
mod logged;
mod logged_model_search;
mod logged_models;
pub(super) mod logging;
mod models;
mod monitoring;
mod notices;
mod points;
mod records;
mod registry_search;
mod roles;
mod rules;
mod runs;
mod search;
mod signals;
mod snapshots;
mod stages;
mod store;
mod store_access;
mod store_adoption;
mod store_logged_models;
mod store_monitoring;
mod store_registry;
mod store_retention;
mod store_webhooks;
mod tokens;
mod traffic;
mod untold;
mod versions;
mod webhooks;

use super::{
    ARRAY_OF, BEGIN, Connection, Database, DbRow, Keeper, LAYOUT_IS_THERE, OBJECT_OF, POINT, hold,
    in_dialect, share,
};
use crate::fail::Work;

/// What is done in one transaction with what a call was given.
pub(super) type Statements<A, T> = for<'c> fn(&'c mut Connection, &'c A) -> Work<'c, T>;
