//! SQL over a table, by DataFusion.

use std::sync::Arc;

use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use gristmill_core::{Table, nearest};

use crate::meaning::suggest_meanings;
use crate::read::with_schema;
use crate::settle::settle;
use crate::{IngestError, Result, memory};

/// The name under which a query finds the table.
const NAME: &str = "source";

/// The rows that `sql` selects from `table`, which it calls `source`.
///
/// Names are taken as they are written: `MonthlyCharges` needs no quotes. A column that keeps name
/// and type keeps its meaning and role. The query runs in one partition, so equal rows come out in
/// equal order. A query that selects no row gives a table without rows.
///
/// # Errors
/// [`IngestError::Sql`] when the query is no single `SELECT`, names what does not exist, or fails on
/// a row; [`IngestError::Table`] when a result is infinite or has a type with no place in a table.
///
/// ```
/// # use std::sync::Arc;
/// # use gristmill_core::{Field, PhysicalType, Schema, Table};
/// # use gristmill_ingest::apply_sql;
/// # let schema = Schema::new(vec![Field::new("tenure", PhysicalType::Int64)])?;
/// # let table = Table::new(schema, vec![Arc::new(arrow::array::Int64Array::from(vec![1, 0, 3]))])?;
/// let kept = apply_sql(table, "SELECT * FROM source WHERE tenure > 0")?;
/// assert_eq!(kept.rows(), 2);
/// # Ok::<(), gristmill_ingest::IngestError>(())
/// ```
pub fn apply_sql(table: Table, sql: &str) -> Result<Table> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let result = runtime.block_on(query(&table, sql)).map_err(|e| refused(&e, &table))?;
    let result = suggest_meanings(&settle(&result?)?)?;
    keep_meanings(&result, &table)
}

async fn query(table: &Table, sql: &str) -> Result<Result<Table>, DataFusionError> {
    let config = SessionConfig::new()
        .with_target_partitions(1)
        .set_bool("datafusion.sql_parser.enable_ident_normalization", false)
        .with_information_schema(false);
    let session = match memory::limit() {
        None => SessionContext::new_with_config(config),
        Some(bytes) => {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            let runtime = RuntimeEnvBuilder::new().with_memory_limit(bytes, 1.0).build_arc()?;
            SessionContext::new_with_config_rt(config, runtime)
        }
    };
    let batch = match table.to_batch() {
        Ok(batch) => batch,
        Err(e) => return Ok(Err(e.into())),
    };
    let source = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
    session.register_table(NAME, Arc::new(source))?;
    let only_queries =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = session.sql_with_options(sql, only_queries).await?;
    let schema = frame.schema().as_arrow().clone();
    let batches = frame.collect().await?;
    Ok(Table::from_batches(&schema, &batches).map_err(IngestError::from))
}

/// The engine's word in one line of ours, with the remedy where one is known.
fn refused(error: &DataFusionError, table: &Table) -> IngestError {
    let text = error.strip_backtrace();
    let first = text.lines().next().unwrap_or(&text).trim();
    let message = first
        .trim_start_matches("Error during planning: ")
        .trim_start_matches("Schema error: ")
        .trim_start_matches("SQL error: ")
        .trim_end_matches('.')
        .to_string();
    let more = ["DDL not supported", "DML not supported", "Statement not supported"];
    if more.iter().any(|m| message.starts_with(m)) || message.contains("single SQL statement") {
        return IngestError::Sql {
            message: "it is more than one query".into(),
            hint: Some("write one SELECT over `source`; nothing else is run".into()),
        };
    }
    if let Some(name) = missing_field(error) {
        let known = table.schema().names();
        let hint = match nearest(&name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the table has {}", known.join(", ")),
        };
        return IngestError::Sql {
            message: format!("column `{name}` not found"),
            hint: Some(hint),
        };
    }
    let hint = message.contains("table '").then(|| "the table is called `source`".to_string());
    IngestError::Sql { message, hint }
}

fn missing_field(error: &DataFusionError) -> Option<String> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            datafusion::common::SchemaError::FieldNotFound { field, .. } => {
                Some(field.name.clone())
            }
            _ => None,
        },
        DataFusionError::Diagnostic(_, inner) => missing_field(inner),
        _ => None,
    }
}

fn keep_meanings(result: &Table, source: &Table) -> Result<Table> {
    let schema = result.schema().map(|field| {
        let old = source.schema().find(&field.name).map(|at| &source.schema().fields()[at]);
        match old.filter(|old| old.physical == field.physical) {
            Some(old) => field.clone().meaning(old.semantic).role(old.role),
            None => field.clone(),
        }
    })?;
    with_schema(result, schema)
}
