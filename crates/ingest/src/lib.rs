//! Files and SQL become tables; expectations hold them to a contract.
//!
//! Start with [`read`] (a source becomes a table), [`apply_sql`] (a query over one or several) and
//! [`check_expectations`]. [`parts_as`] reads what is larger than memory, [`sql_parts`] queries it, [`by_column`] each column alone. [`write()`] is the way back, [`save_table`] and [`load_table`] keep tables
//! between steps with all that is known of their columns. [`Objects`] lists what lies in a store.
//!
//! This crate knows formats and nothing of models. It alone names DataFusion, and no
//! public signature mentions a type of it.

mod asof;
mod by_column;
mod calendar;
mod cell;
mod csv;
mod error;
mod expect;
mod files;
mod images;
mod jsonl;
mod meaning;
mod memory;
mod objects;
mod parquet;
mod parquet_body;
mod part;
mod parts;
mod queried;
mod read;
mod reconcile;
mod settle;
mod source;
mod sql;
mod stored;
mod suspects;
mod write;

pub use by_column::{ByColumn, by_column};
pub use error::{IngestError, Place, Result};
pub use expect::{Breach, Expectation, Literal, check_expectations};
pub use files::{files, fingerprint};
pub use meaning::suggest_meanings;
pub use memory::{limit_memory, memory_limit};
pub use objects::{Object, ObjectPattern, Objects};
pub use parquet_body::{BodyError, BodyLimits, read_parquet_body};
pub use parts::{Parts, parts_as};
pub use queried::{Queried, TableParts};
pub use read::{Peek, peek, read, read_as};
pub use source::{BadRows, DEFAULT_NULLS, FileSource, Format, ImageSource, SourceSpec};
pub use sql::{apply_sql, changing_functions, sql_parts};
pub use stored::{load_table, save_table};
pub use write::{CsvWriter, write, write_csv};
