//! What a task reads or writes, under the name by which other systems know it.

use serde::Serialize;

use super::facet::{
    DatasetVersionDatasetFacet, Facet, Field, InputStatisticsInputDatasetFacet,
    OutputStatisticsOutputDatasetFacet, SchemaDatasetFacet,
};

/// A dataset: a file, a table, a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineageDataset {
    /// Where it is kept: `file`, `s3://bucket`, `postgres://host:5432`.
    pub namespace: String,
    /// Its name there: a path, `database.schema.table`.
    pub name: String,
    /// Names and types of its columns, none when they are not known.
    pub columns: Vec<(String, String)>,
    /// What it held then, as a digest or a version.
    pub version: Option<String>,
    /// How many rows were read or written.
    pub rows: Option<u64>,
    /// How many bytes were read or written.
    pub bytes: Option<u64>,
}

impl LineageDataset {
    /// The dataset at a path or an address, named as OpenLineage's `Naming.md` has it: what
    /// stands before the path of an address is the namespace, and `file` that of a plain path.
    /// Make a path absolute first: a relative one means nothing to others. User, password and
    /// query of an address are left away.
    ///
    /// ```
    /// # use gristmill_flow::LineageDataset;
    /// let named = |location| {
    ///     let dataset = LineageDataset::at(location);
    ///     (dataset.namespace, dataset.name)
    /// };
    /// assert_eq!(named("/data/a.csv"), ("file".into(), "/data/a.csv".into()));
    /// assert_eq!(named("s3://raw/2025/a.csv"), ("s3://raw".into(), "2025/a.csv".into()));
    /// ```
    pub fn at(location: &str) -> Self {
        let (namespace, name) = match location.split_once("://") {
            None => ("file".to_owned(), location.to_owned()),
            Some(("file", path)) => ("file".to_owned(), path.to_owned()),
            Some((scheme, rest)) => {
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                let object = matches!(scheme, "s3" | "s3a" | "gs" | "abfs" | "abfss" | "wasbs");
                let name = if object { path.to_owned() } else { format!("/{path}") };
                (format!("{scheme}://{host}"), name)
            }
        };
        Self { namespace, name, ..Self::default() }
    }
}

/// A dataset of an event, with what is told about either side.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    namespace: String,
    name: String,
    facets: DatasetFacets,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_facets: Option<InputFacets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_facets: Option<OutputFacets>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct DatasetFacets {
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Facet<SchemaDatasetFacet>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Facet<DatasetVersionDatasetFacet>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct InputFacets {
    input_statistics: Facet<InputStatisticsInputDatasetFacet>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputFacets {
    output_statistics: Facet<OutputStatisticsOutputDatasetFacet>,
}

impl Told {
    pub(super) fn input(dataset: &LineageDataset) -> Self {
        let LineageDataset { rows: row_count, bytes: size, .. } = *dataset;
        let counted = row_count.is_some() || size.is_some();
        let statistics = InputStatisticsInputDatasetFacet { row_count, size };
        let facets = InputFacets { input_statistics: statistics.into() };
        Self { input_facets: counted.then_some(facets), ..Self::new(dataset) }
    }

    pub(super) fn output(dataset: &LineageDataset) -> Self {
        let LineageDataset { rows: row_count, bytes: size, .. } = *dataset;
        let counted = row_count.is_some() || size.is_some();
        let statistics = OutputStatisticsOutputDatasetFacet { row_count, size };
        let facets = OutputFacets { output_statistics: statistics.into() };
        Self { output_facets: counted.then_some(facets), ..Self::new(dataset) }
    }

    fn new(dataset: &LineageDataset) -> Self {
        let field =
            |(name, kind): &(String, String)| Field { name: name.clone(), kind: kind.clone() };
        let fields: Vec<Field> = dataset.columns.iter().map(field).collect();
        let version = dataset.version.clone();
        Self {
            namespace: dataset.namespace.clone(),
            name: dataset.name.clone(),
            facets: DatasetFacets {
                schema: (!fields.is_empty()).then(|| SchemaDatasetFacet { fields }.into()),
                version: version.map(|v| DatasetVersionDatasetFacet { dataset_version: v }.into()),
            },
            input_facets: None,
            output_facets: None,
        }
    }
}
