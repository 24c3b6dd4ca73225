//! SQL over tables, by DataFusion.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, ScalarValue, SchemaError, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{Expr, Volatility};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use gristmill_core::{Field, Table, nearest};

use crate::asof::{Named, asof_join};
use crate::meaning::suggest_meanings;
use crate::queried::{Queried, ours};
use crate::read::with_schema;
use crate::settle::{settle, settle_after};
use crate::{IngestError, Result, memory};

/// The name of the as-of join in a query.
const ASOF_JOIN: &str = "asof_join";

/// The rows that `sql` selects from `tables`, which it calls by their names.
///
/// Names are taken as they are written: `MonthlyCharges` needs no quotes. A column that keeps name
/// and type keeps its meaning and role, unless tables disagree on them. The query runs in one
/// partition, so equal rows come out in equal order. A query that selects no row gives a table
/// without rows.
///
/// Beside what DataFusion knows there is `asof_join(left, right, on, by, ...)`: every row of the
/// table `left`, in order, with the columns of the latest row of `right` by `on` that is not later
/// and equal in all of `by` (none, or several). A column of `right` whose name `left` has too is
/// called `RIGHT_name`.
///
/// # Errors
/// [`IngestError::Sql`] when the query is no single `SELECT`, names what does not exist, or fails on
/// a row; [`IngestError::Table`] when a result is infinite or has a type with no place in a table.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use std::sync::Arc;
/// # use gristmill_core::{Field, PhysicalType, Schema, Table};
/// # use gristmill_ingest::apply_sql;
/// # let schema = Schema::new(vec![Field::new("tenure", PhysicalType::Int64)])?;
/// # let table = Table::new(schema, vec![Arc::new(arrow::array::Int64Array::from(vec![1, 0, 3]))])?;
/// let tables = BTreeMap::from([("customers".to_string(), table)]);
/// let kept = apply_sql(&tables, "SELECT * FROM customers WHERE tenure > 0")?;
/// assert_eq!(kept.rows(), 2);
/// # Ok::<(), gristmill_ingest::IngestError>(())
/// ```
pub fn apply_sql(tables: &BTreeMap<String, Table>, sql: &str) -> Result<Table> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let queried = in_memory(tables);
    let result = runtime.block_on(query(&queried, sql)).map_err(|e| refused(&e, &queried))?;
    let result = suggest_meanings(&settle(&result?)?)?;
    keep_meanings(&result, tables)
}

fn in_memory(tables: &BTreeMap<String, Table>) -> BTreeMap<String, Queried> {
    tables.iter().map(|(name, table)| (name.clone(), Queried::Rows(table.clone()))).collect()
}

/// As [`apply_sql`], with tables that are read while the query runs, and a result that is handed over some rows at
/// a time: at least once, if without rows. Meanings and roles are left aside.
///
/// It takes memory for some parts of each table, and for what the query itself has to hold: within the bound of
/// [`limit_memory`](crate::limit_memory) its sorts and groups go on on disk.
///
/// # Errors
/// As [`apply_sql`]; when a table cannot be read; what `take` refuses. Rows before may have been handed over.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use std::sync::Arc;
/// # use gristmill_core::{Field, PhysicalType, Schema, Table};
/// # use gristmill_ingest::{Queried, sql_parts};
/// # let schema = Schema::new(vec![Field::new("tenure", PhysicalType::Int64)])?;
/// # let table = Table::new(schema, vec![Arc::new(arrow::array::Int64Array::from(vec![1, 0, 3]))])?;
/// let tables = BTreeMap::from([("customers".to_string(), Queried::Rows(table))]);
/// let mut rows = 0;
/// sql_parts(&tables, "SELECT * FROM customers WHERE tenure > 0", &mut |part| {
///     rows += part.rows();
///     Ok(())
/// })?;
/// assert_eq!(rows, 2);
/// # Ok::<(), gristmill_ingest::IngestError>(())
/// ```
pub fn sql_parts(
    tables: &BTreeMap<String, Queried>,
    sql: &str,
    take: &mut dyn FnMut(&Table) -> Result<()>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let wrong = |error: DataFusionError| refused(&error, tables);
        let frame = planned(tables, sql).await.map_err(wrong)?;
        let schema = frame.schema().as_arrow().clone();
        let mut batches = frame.execute_stream().await.map_err(wrong)?;
        let mut rows = 0;
        while let Some(batch) = poll_fn(|context| batches.as_mut().poll_next(context)).await {
            let part = Table::from_batches(&schema, &[batch.map_err(wrong)?])?;
            if part.rows() > 0 {
                take(&settle_after(&part, rows)?)?;
            }
            rows += part.rows();
        }
        match rows {
            0 => take(&Table::from_batches(&schema, &[])?),
            _ => Ok(()),
        }
    })
}

/// The functions of `sql` that give other answers each time, such as `random` and `now`, in the order
/// of their names; a query without any gives equal rows for equal tables. Runs nothing.
///
/// # Errors
/// As [`apply_sql`], but for what only a row can show.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use gristmill_ingest::changing_functions;
/// let found = changing_functions(&BTreeMap::new(), "SELECT random() AS a, abs(-1) AS b")?;
/// assert_eq!(found, ["random"]);
/// # Ok::<(), gristmill_ingest::IngestError>(())
/// ```
pub fn changing_functions(tables: &BTreeMap<String, Table>, sql: &str) -> Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let tables = in_memory(tables);
    let found = runtime.block_on(async {
        let frame = planned(&tables, sql).await?;
        let mut found = BTreeSet::new();
        frame.logical_plan().apply_with_subqueries(|node| {
            node.apply_expressions(|expression| {
                expression.apply(|part| {
                    if let Expr::ScalarFunction(call) = part
                        && call.func.signature().volatility != Volatility::Immutable
                    {
                        found.insert(call.func.name().to_string());
                    }
                    Ok(TreeNodeRecursion::Continue)
                })
            })
        })?;
        Ok(found)
    });
    let found: BTreeSet<String> = found.map_err(|e| refused(&e, &tables))?;
    Ok(found.into_iter().collect())
}

async fn query(
    tables: &BTreeMap<String, Queried>,
    sql: &str,
) -> Result<Result<Table>, DataFusionError> {
    let frame = planned(tables, sql).await?;
    let schema = frame.schema().as_arrow().clone();
    let batches = frame.collect().await?;
    Ok(Table::from_batches(&schema, &batches).map_err(IngestError::from))
}

/// The query held against the tables; nothing has been computed.
async fn planned(
    tables: &BTreeMap<String, Queried>,
    sql: &str,
) -> Result<DataFrame, DataFusionError> {
    let session = session()?;
    for (name, table) in tables {
        session.register_table(TableReference::bare(name.as_str()), table.provider()?)?;
    }
    session.register_udtf(ASOF_JOIN, Arc::new(AsofJoin { tables: tables.clone() }));
    let only_queries =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    session.sql_with_options(sql, only_queries).await
}

fn session() -> Result<SessionContext, DataFusionError> {
    let config = SessionConfig::new()
        .with_target_partitions(1)
        .set_bool("datafusion.sql_parser.enable_ident_normalization", false)
        .with_information_schema(false);
    let Some(bytes) = memory::memory_limit() else {
        return Ok(SessionContext::new_with_config(config));
    };
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(bytes, 1.0).build_arc()?;
    Ok(SessionContext::new_with_config_rt(config, runtime))
}

/// [`asof_join()`] as a query calls it, with the tables that it can name.
#[derive(Debug)]
struct AsofJoin {
    tables: BTreeMap<String, Queried>,
}

impl TableFunctionImpl for AsofJoin {
    fn call_with_args(
        &self,
        args: TableFunctionArgs<'_, '_>,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        Queried::Rows(self.joined(args.exprs()).map_err(ours)?).provider()
    }
}

impl AsofJoin {
    fn joined(&self, arguments: &[Expr]) -> Result<Table> {
        let names = arguments.iter().map(name_of).collect::<Option<Vec<_>>>();
        let names = names.unwrap_or_default();
        let [left, right, on, by @ ..] = names.as_slice() else {
            return Err(IngestError::Sql {
                message: format!("`{ASOF_JOIN}` takes names of two tables and of columns"),
                hint: Some(format!("write `{ASOF_JOIN}(left, right, time, key)`")),
            });
        };
        let (one, other) = (self.rows(left)?, self.rows(right)?);
        let (one, other) =
            (Named { name: left, table: &one }, Named { name: right, table: &other });
        Ok(asof_join(one, other, on, by)?)
    }

    fn rows(&self, name: &str) -> Result<Table> {
        match self.tables.get(name) {
            Some(table) => table.rows(),
            None => Err(missing_table(name, &self.tables)),
        }
    }
}

/// A name that is given to a table function, in whichever quotes.
fn name_of(argument: &Expr) -> Option<String> {
    match argument {
        Expr::Column(Column { relation: None, name, .. }) => Some(name.clone()),
        Expr::Literal(ScalarValue::Utf8(Some(name)) | ScalarValue::Utf8View(Some(name)), _) => {
            Some(name.clone())
        }
        _ => None,
    }
}

fn missing_table(name: &str, tables: &BTreeMap<String, Queried>) -> IngestError {
    let known: Vec<String> = tables.keys().cloned().collect();
    let hint = match (nearest(name, &known), known.as_slice()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, [only]) => format!("the table is called `{only}`"),
        (None, _) => format!("the tables are {}", known.join(", ")),
    };
    IngestError::Sql { message: format!("table `{name}` not found"), hint: Some(hint) }
}

/// The engine's word in one line of ours, with the remedy where one is known.
fn refused(error: &DataFusionError, tables: &BTreeMap<String, Queried>) -> IngestError {
    if let Some(known) = known(error.find_root()) {
        return known;
    }
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
            hint: Some("write one SELECT; nothing else is run".into()),
        };
    }
    let table = message.strip_prefix("table 'datafusion.public.");
    if let Some(name) = table.and_then(|m| m.strip_suffix("' not found")) {
        return missing_table(name, tables);
    }
    IngestError::Sql { message, hint: None }
}

/// The error that the engine gives as a value, in our words.
fn known(root: &DataFusionError) -> Option<IngestError> {
    match root {
        DataFusionError::External(error) => {
            let error = error.downcast_ref::<IngestError>()?;
            let message = match error {
                IngestError::Sql { message, .. } => message.clone(),
                other => other.to_string(),
            };
            Some(IngestError::Sql { message, hint: error.hint() })
        }
        DataFusionError::Diagnostic(_, inner) => known(inner),
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                Some(missing_column(&field.name, valid_fields))
            }
            SchemaError::AmbiguousReference { field } => Some(IngestError::Sql {
                message: format!("column `{}` is in more than one table", field.name),
                hint: Some(format!("say of which: `TABLE.{}`", field.name)),
            }),
            _ => None,
        },
        _ => None,
    }
}

fn missing_column(name: &str, valid: &[Column]) -> IngestError {
    let known: Vec<String> =
        valid.iter().map(|c| c.name.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let hint = match nearest(name, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    IngestError::Sql { message: format!("column `{name}` not found"), hint: Some(hint) }
}

fn keep_meanings(result: &Table, tables: &BTreeMap<String, Table>) -> Result<Table> {
    let schema = result.schema().map(|field| match same_in_all(field, tables) {
        Some(old) => field.clone().meaning(old.semantic).role(old.role),
        None => field.clone(),
    })?;
    with_schema(result, schema)
}

/// What the tables that have this column say of it, when they agree.
fn same_in_all<'a>(field: &Field, tables: &'a BTreeMap<String, Table>) -> Option<&'a Field> {
    let mut known = tables
        .values()
        .filter_map(|t| t.schema().fields().iter().find(|f| f.name == field.name))
        .filter(|old| old.physical == field.physical);
    let first = known.next()?;
    known.all(|f| f.semantic == first.semantic && f.role == first.role).then_some(first)
}
