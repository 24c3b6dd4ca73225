//! Times one transform on a data set of the shared folder, as one JSON object: seconds to learn and
//! transform the training rows, to transform them again, and microseconds for one row alone.
//!
//! `cargo run --release -p gristmill-features --example text_bench -- \
//!     movie_snippets.csv text tfidf '{"ngrams": [1, 2]}' 1`
//!
//! The arguments are the file, the columns to use, the transform, its settings and how often the
//! rows are repeated. A column of which nearly every row is another word is a text.
//! `benches/encoders.py` runs it beside its peers.
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::error::Error;
use std::time::Instant;

use gristmill_core::{
    Catalog, Column, FitContext, Frame, Notes, Seed, SemanticType, Table, Target, TargetSpec,
};
use gristmill_testkit::shared_csv;

/// How often one row is asked.
const ASKED: u32 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, columns, kind, settings, times] = &arguments[..] else {
        return Err("expected FILE COLUMNS TRANSFORM SETTINGS TIMES".into());
    };
    let (rows, target) = read(file, columns, times.parse()?)?;
    let mut catalog = Catalog::new();
    gristmill_features::register(&mut catalog);
    let transform = catalog.build_transform(kind, &serde_json::from_str(settings)?)?;
    let notes = Notes::default();
    let mut context = FitContext::new(Seed(0), &notes);
    context.target = target.as_ref();

    let train = rows.clone();
    let start = Instant::now();
    let (fitted, made) = transform.fit_apply(train, &context)?;
    let fit = start.elapsed().as_secs_f64();
    let columns = made.schema().len();
    drop(made);

    let again = rows.clone();
    let start = Instant::now();
    drop(fitted.apply(again)?);
    let apply = start.elapsed().as_secs_f64();

    let one = rows.take(&[0]);
    let start = Instant::now();
    for _ in 0..ASKED {
        drop(fitted.apply(one.clone())?);
    }
    let row = start.elapsed().as_secs_f64() / f64::from(ASKED) * 1e6;
    println!(r#"{{"fit": {fit}, "apply": {apply}, "row": {row}, "columns": {columns}}}"#);
    Ok(())
}

/// The columns of the file, its rows repeated, and the churn where the file knows it.
fn read(
    file: &str,
    columns: &str,
    times: usize,
) -> Result<(Frame, Option<Target>), Box<dyn Error>> {
    let table = shared_csv(file).ok_or("the shared data is not on this machine")?;
    let many: Vec<u32> = (0..times).flat_map(|_| 0..table.rows() as u32).collect();
    let target = match table.schema().find("churn") {
        None => None,
        Some(_) => {
            let table = table.clone().with_target("churn")?;
            let spec = TargetSpec::learn(&table, None, Default::default())?;
            Some(spec.apply(&table)?.take(&many))
        }
    };
    let places: Vec<usize> =
        columns.split(',').map(|name| table.schema().position(name)).collect::<Result<_, _>>()?;
    let frame = Frame::from_table(&typed(table.select(&places))?)?;
    Ok((frame.take(&many), target))
}

/// The table with the meaning of text for columns of words that hardly repeat.
fn typed(mut table: Table) -> Result<Table, Box<dyn Error>> {
    let frame = Frame::from_table(&table)?;
    for (field, column) in frame.schema().fields().iter().zip(frame.columns()) {
        let Column::Words(words) = column else { continue };
        if words.dictionary.len() * 2 > table.rows() {
            table = table.with_meaning(&field.name, SemanticType::Text)?;
        }
    }
    Ok(table)
}
