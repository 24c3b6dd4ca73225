//! Times one transform; `benches/transforms.py` runs it beside scikit-learn.
//!
//!     transform_bench KIND SETTINGS ROWS COLUMNS REPEATS < VALUES
//!
//! VALUES are 64-bit floats, little-endian, column after column. `one_hot` and `ordinal` see them as
//! numbers of categories. Prints the least number of milliseconds that fitting and applying took.
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use gristmill_core::{
    Catalog, Column, Error, Field, FitContext, Frame, Notes, PhysicalType, Result, Schema, Seed,
    Words,
};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, settings, rows, columns, repeats] = arguments.as_slice() else {
        return Err(Error::data("expected KIND SETTINGS ROWS COLUMNS REPEATS"));
    };
    let count = |text: &String| {
        text.parse::<usize>().map_err(|e| Error::data(format!("`{text}` is no count: {e}")))
    };
    let (rows, columns, repeats) = (count(rows)?, count(columns)?, count(repeats)?);
    let mut catalog = Catalog::new();
    gristmill_features::register(&mut catalog);
    let settings = serde_json::from_str(settings).map_err(|e| Error::data(e.to_string()))?;
    let transform = catalog.build_transform(kind, &settings)?;
    let frame = frame(kind, rows, columns)?;
    let notes = Notes::default();
    let mut best = f64::INFINITY;
    for _ in 0..repeats {
        let train = frame.clone();
        let start = Instant::now();
        let fitted = transform.fit_apply(train, &FitContext::new(Seed(0), &notes))?;
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
        drop(fitted);
    }
    println!("{best:.3}");
    Ok(())
}

fn frame(kind: &str, rows: usize, columns: usize) -> Result<Frame> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).map_err(|e| Error::data(e.to_string()))?;
    let values: Vec<f64> =
        bytes.as_chunks().0.iter().map(|number| f64::from_le_bytes(*number)).collect();
    if values.len() != rows * columns {
        return Err(Error::data(format!("found {} values on standard input", values.len())));
    }
    let words = matches!(kind, "one_hot" | "ordinal");
    let physical = if words { PhysicalType::Utf8 } else { PhysicalType::Float64 };
    let fields = (0..columns).map(|at| Field::new(format!("x{at}"), physical)).collect();
    let column =
        |values: &[f64]| if words { categories(values) } else { Column::Numbers(values.to_vec()) };
    Frame::new(Arc::new(Schema::new(fields)?), values.chunks(rows).map(column).collect(), rows)
}

fn categories(values: &[f64]) -> Column {
    let most = values.iter().fold(0.0f64, |most, v| most.max(*v)) as usize;
    let dictionary = Arc::new((0..=most).map(|i| format!("category {i}")).collect());
    Column::Words(Words { codes: values.iter().map(|v| *v as u32).collect(), dictionary })
}
