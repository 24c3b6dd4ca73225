//! Tables as a query goes through them: rows in memory, or rows that are read while it runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Field as ArrowField, Schema as ArrowSchema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;
use gristmill_core::{Field, Notes, Schema, Table};

use crate::source::Format;
use crate::{IngestError, Result, SourceSpec, files, parquet, parts_as, read};

/// How many parts wait for a query that is busy with those before.
const WAITING: usize = 2;

/// A table that a query can name.
#[derive(Clone, Debug)]
pub enum Queried {
    /// Rows in memory.
    Rows(Table),
    /// Rows that are read each time that the query goes through them.
    Parts(Arc<dyn TableParts>),
}

/// Rows that can be read again and again, some at a time.
pub trait TableParts: Send + Sync + fmt::Debug {
    /// The columns that each part has, in this order and stored as it says.
    fn schema(&self) -> &Schema;

    /// Hands over all rows in order, until there are no more or `take` wants none; each time anew. It is called
    /// where it may take its time.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, take: &mut dyn FnMut(&Table) -> bool) -> Result<()>;
}

impl Queried {
    /// The rows that `spec` names: Parquet is read while a query runs if all of its files have the same columns.
    /// Everything else is read into memory now, since only all rows show what a text holds.
    ///
    /// # Errors
    /// As [`read`](crate::read()).
    pub fn source(spec: &SourceSpec, base: &Path, notes: &Notes) -> Result<Self> {
        match FileParts::open(spec, base)? {
            Some(parts) => Ok(Self::Parts(Arc::new(parts))),
            None => read(spec, base, notes).map(Self::Rows),
        }
    }

    /// All rows in memory.
    pub(crate) fn rows(&self) -> Result<Table> {
        match self {
            Self::Rows(table) => Ok(table.clone()),
            Self::Parts(parts) => gathered(&**parts),
        }
    }

    /// What the engine reads.
    pub(crate) fn provider(&self) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        match self {
            Self::Rows(table) => {
                let batch = table.to_batch().map_err(|e| ours(e.into()))?;
                Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
            }
            Self::Parts(parts) => {
                let schema = as_arrow(parts.schema());
                let partition = Partition { schema: Arc::clone(&schema), parts: Arc::clone(parts) };
                Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(partition)])?))
            }
        }
    }
}

/// An error of ours on its way through the engine.
pub(crate) fn ours(error: IngestError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// All parts as one table. They are read on a thread of their own: the engine may be on this one, where nothing waits.
fn gathered(parts: &dyn TableParts) -> Result<Table> {
    let mut batches = Vec::new();
    let mut broken = None;
    let mut take = |part: &Table| match part.to_batch() {
        Ok(batch) => {
            batches.push(batch);
            true
        }
        Err(error) => {
            broken = Some(error);
            false
        }
    };
    let read = std::thread::scope(|scope| scope.spawn(|| parts.read(&mut take)).join());
    read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    if let Some(error) = broken {
        return Err(error.into());
    }
    Ok(Table::from_batches(&as_arrow(parts.schema()), &batches)?)
}

/// The schema of the batches that parts become.
fn as_arrow(schema: &Schema) -> SchemaRef {
    let field = |field: &Field| ArrowField::new(&field.name, field.physical.arrow(), true);
    Arc::new(ArrowSchema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// What the engine asks for the rows.
#[derive(Debug)]
struct Partition {
    schema: SchemaRef,
    parts: Arc<dyn TableParts>,
}

impl PartitionStream for Partition {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), WAITING);
        let (parts, to) = (Arc::clone(&self.parts), stream.tx());
        stream.spawn_blocking(move || {
            let mut take = |part: &Table| {
                let batch = part.to_batch().map_err(|error| ours(error.into()));
                // Whoever has enough rows listens no more.
                let is_well = batch.is_ok();
                to.blocking_send(batch).is_ok() && is_well
            };
            parts.read(&mut take).map_err(ours)
        });
        stream.build()
    }
}

/// The rows of Parquet files that have the same columns.
#[derive(Debug)]
struct FileParts {
    spec: SourceSpec,
    base: PathBuf,
    schema: Schema,
}

impl FileParts {
    /// Nothing where they are other files, or have other columns.
    fn open(spec: &SourceSpec, base: &Path) -> Result<Option<Self>> {
        let mut known: Option<Schema> = None;
        for path in files(spec, base)? {
            if files::format(&spec.options(), &path)?.0 != Format::Parquet {
                return Ok(None);
            }
            let schema = parquet::schema(&path)?;
            if known.as_ref().is_some_and(|known| *known != schema) {
                return Ok(None);
            }
            known = Some(schema);
        }
        Ok(known.map(|schema| Self { spec: spec.clone(), base: base.into(), schema }))
    }
}

impl TableParts for FileParts {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn read(&self, take: &mut dyn FnMut(&Table) -> bool) -> Result<()> {
        for part in parts_as(&self.spec, &self.base, &self.schema, &Notes::default())? {
            if !take(&part?) {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use gristmill_core::PhysicalType;

    use super::*;
    use crate::{apply_sql, sql_parts};

    const ROWS: i64 = 1_000;

    /// Numbers one after another, in parts of a thousand, the last of which is broken where `breaks` says so.
    #[derive(Debug)]
    struct Numbers {
        schema: Schema,
        parts: usize,
        breaks: Option<usize>,
        read: AtomicUsize,
    }

    impl Numbers {
        fn new(parts: usize, breaks: Option<usize>) -> Arc<Self> {
            let schema = Schema::new(vec![Field::new("x", PhysicalType::Int64)]).unwrap();
            Arc::new(Self { schema, parts, breaks, read: AtomicUsize::new(0) })
        }
    }

    impl TableParts for Numbers {
        fn schema(&self) -> &Schema {
            &self.schema
        }

        fn read(&self, take: &mut dyn FnMut(&Table) -> bool) -> Result<()> {
            for part in 0..self.parts {
                if self.breaks == Some(part) {
                    return Err(IngestError::content(Path::new("numbers"), "is torn", "mend it"));
                }
                self.read.fetch_add(1, Ordering::Relaxed);
                let first = part as i64 * ROWS;
                let values = Arc::new(Int64Array::from_iter_values(first..first + ROWS));
                if !take(&Table::new(self.schema.clone(), vec![values])?) {
                    break;
                }
            }
            Ok(())
        }
    }

    fn named(numbers: &Arc<Numbers>) -> BTreeMap<String, Queried> {
        let numbers: Arc<dyn TableParts> = Arc::clone(numbers) as _;
        BTreeMap::from([("numbers".to_string(), Queried::Parts(numbers))])
    }

    fn values(part: &Table) -> Vec<i64> {
        part.column(0).as_primitive::<Int64Type>().values().to_vec()
    }

    /// All that a query selects.
    fn selected(numbers: &Arc<Numbers>, sql: &str) -> Result<Vec<i64>> {
        let mut all = Vec::new();
        sql_parts(&named(numbers), sql, &mut |part| {
            all.extend(values(part));
            Ok(())
        })?;
        Ok(all)
    }

    #[test]
    fn rows_come_in_order_while_most_are_not_read_yet() {
        let numbers = Numbers::new(1_000, None);
        let (mut next, mut ahead) = (0, 0);
        sql_parts(&named(&numbers), "SELECT x FROM numbers", &mut |part| {
            assert_eq!(values(part)[0], next);
            next += part.rows() as i64;
            let read = numbers.read.load(Ordering::Relaxed) as i64;
            ahead = ahead.max(read - next / ROWS);
            Ok(())
        })
        .unwrap();
        assert_eq!(next, 1_000 * ROWS);
        assert!(ahead < 20, "{ahead} parts were read ahead");
    }

    #[test]
    fn no_more_is_read_than_a_query_wants() {
        let numbers = Numbers::new(1_000, None);
        let found = selected(&numbers, "SELECT x FROM numbers WHERE x % 2 = 1 LIMIT 3").unwrap();
        assert_eq!(found, [1, 3, 5]);
        assert!(numbers.read.load(Ordering::Relaxed) < 20);
    }

    #[test]
    fn a_table_that_a_query_names_twice_is_read_twice() {
        let query = "SELECT count(*) FROM numbers a JOIN numbers b ON a.x = b.x + 1";
        assert_eq!(selected(&Numbers::new(3, None), query).unwrap(), [2_999]);
        let joined = "SELECT count(*) FROM asof_join(numbers, numbers, x)";
        assert_eq!(selected(&Numbers::new(3, None), joined).unwrap(), [3_000]);
    }

    #[test]
    fn what_cannot_be_read_is_said_and_rows_before_it_have_come() {
        let numbers = Numbers::new(40, Some(30));
        let mut rows = 0;
        let broken = sql_parts(&named(&numbers), "SELECT x FROM numbers", &mut |part| {
            rows += part.rows();
            Ok(())
        });
        let error = broken.unwrap_err();
        assert!(error.to_string().contains("`numbers`: is torn"), "{error}");
        assert_eq!(error.hint().as_deref(), Some("mend it"));
        assert!(rows > 0 && rows <= 30_000, "{rows}");
    }

    #[test]
    fn a_result_without_rows_has_its_columns() {
        let mut names = Vec::new();
        sql_parts(
            &named(&Numbers::new(2, None)),
            "SELECT x AS y FROM numbers WHERE x < 0",
            &mut |part| {
                assert_eq!(part.rows(), 0);
                names.extend(part.schema().names());
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(names, ["y"]);
    }

    #[test]
    fn parquet_is_read_while_a_query_runs_and_text_before() {
        let folder = tempfile::tempdir().unwrap();
        let numbers = Numbers::new(2, None);
        let table = gathered(&*numbers).unwrap();
        for name in ["a.parquet", "b.parquet", "c.csv"] {
            crate::write(&table, &folder.path().join(name)).unwrap();
        }
        let query = "SELECT sum(x) AS x FROM t";
        for (spec, is_read_later, sum) in [
            ("a.parquet", true, 1_999_000),
            ("*.parquet", true, 3_998_000),
            ("c.csv", false, 1_999_000),
        ] {
            let spec = SourceSpec::from(spec);
            let queried = Queried::source(&spec, folder.path(), &Notes::default()).unwrap();
            assert_eq!(matches!(queried, Queried::Parts(_)), is_read_later, "{spec:?}");
            let mut found = Vec::new();
            let tables = BTreeMap::from([("t".to_string(), queried.clone())]);
            sql_parts(&tables, query, &mut |part| {
                found.extend(values(part));
                Ok(())
            })
            .unwrap();
            let whole = BTreeMap::from([("t".to_string(), queried.rows().unwrap())]);
            assert_eq!(found, values(&apply_sql(&whole, query).unwrap()));
            assert_eq!(found, [sum], "by hand: the sum of 0 to 1,999, once or twice");
        }
    }
}
