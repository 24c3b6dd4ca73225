//! Images as numbers: the means of a grid of cells that covers each.

use std::sync::Arc;

use gristmill_core::{
    Colors, Column, Error, Field, FitContext, FittedTransform, Frame, Load, Picture, PictureError,
    Result, Schema, Selector, SemanticType, Signature, State, Transform,
};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns;

pub(crate) const VERSION: u32 = 1;
const KIND: &str = "pixels";

/// How many columns may come out of an image.
const MOST_COLUMNS: u32 = 16_384;
/// How many images are decoded before their numbers are put into columns.
const AT_ONCE: usize = 256;

/// What the numbers of a cell are called where it has three.
const CHANNELS: [&str; 3] = ["red", "green", "blue"];

/// Makes numbers of each image: its means over a grid of `width` x `height` cells, from 0 (black) to 1, where the
/// image stood.
///
/// The columns are `<column>_y<row>_x<column>`, row by row from 0 at the upper left; in colour each stands three
/// times, with `_red`, `_green` and `_blue` behind. A grid covers the whole image whatever its form, and a pixel on
/// a border counts for both sides by its share, so images of different sizes may be mixed. Nothing is learned. PNG
/// and JPEG are read, as [`Picture`] says. Of a missing image all numbers are missing.
///
/// # Errors
/// A column that holds no images; a grid without cells, or of more than 16,384 numbers; a name that is taken; an
/// image that cannot be decoded, by column and row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pixels {
    /// Which columns; all images unless said otherwise.
    pub columns: Selector,
    /// How many cells stand side by side.
    pub width: u32,
    /// How many stand above one another.
    pub height: u32,
    /// Whether a cell is one number or three.
    pub colors: Colors,
}

impl Default for Pixels {
    fn default() -> Self {
        Self { columns: Selector::word("image"), width: 8, height: 8, colors: Colors::default() }
    }
}

impl Pixels {
    fn positions(&self, input: &Schema) -> Result<Vec<usize>> {
        self.check_settings()?;
        columns::taken(&self.columns, input, images)
    }

    fn check_settings(&self) -> Result<()> {
        for (name, side) in [("width", self.width), ("height", self.height)] {
            if side == 0 {
                return Err(Error::setting(name, side, "at least 1"));
            }
        }
        let (width, height) = (self.width, self.height);
        let channels = self.colors.count() as u32;
        let count = width.checked_mul(height).and_then(|cells| cells.checked_mul(channels));
        match count {
            Some(count) if count <= MOST_COLUMNS => Ok(()),
            _ => {
                let found = format!("{width} x {height} cells of {channels} numbers");
                let expected = format!("cells of together at most {MOST_COLUMNS} numbers");
                Err(Error::setting("width", found, expected))
            }
        }
    }

    /// How many columns come out of an image.
    fn count(&self) -> usize {
        self.width as usize * self.height as usize * self.colors.count()
    }

    fn output(&self, input: &Schema, positions: &[usize]) -> Result<Schema> {
        columns::spliced(input, |at, field| {
            if positions.binary_search(&at).is_err() {
                return vec![field.clone()];
            }
            let number =
                |name: String| Field::number(name).role(field.role).nullable(field.nullable);
            self.names(&field.name).into_iter().map(number).collect()
        })
    }

    fn names(&self, column: &str) -> Vec<String> {
        let mut names = Vec::with_capacity(self.count());
        for (y, x) in (0..self.height).flat_map(|y| (0..self.width).map(move |x| (y, x))) {
            match self.colors {
                Colors::Grey => names.push(format!("{column}_y{y}_x{x}")),
                Colors::Rgb => {
                    names.extend(CHANNELS.map(|channel| format!("{column}_y{y}_x{x}_{channel}")));
                }
            }
        }
        names
    }

    /// The numbers of the images of a column, cell by cell.
    fn numbers(&self, field: &Field, images: &[Option<Arc<[u8]>>]) -> Result<Vec<Column>> {
        let mut cells = vec![vec![f64::NAN; images.len()]; self.count()];
        let means = |image: &Option<Arc<[u8]>>| -> Result<Option<Vec<f64>>, PictureError> {
            let Some(bytes) = image else { return Ok(None) };
            let (width, height) = (self.width as usize, self.height as usize);
            Ok(Some(Picture::decode(bytes)?.means(width, height, self.colors)))
        };
        for (chunk, some) in images.chunks(AT_ONCE).enumerate() {
            let found: Vec<_> = some.par_iter().map(means).collect();
            for (at, found) in found.into_iter().enumerate() {
                let row = chunk * AT_ONCE + at;
                let means = found.map_err(|error| no_image(field, row, &error))?;
                for (cell, mean) in cells.iter_mut().zip(means.into_iter().flatten()) {
                    cell[row] = mean;
                }
            }
        }
        Ok(cells.into_iter().map(Column::Numbers).collect())
    }
}

fn no_image(field: &Field, row: usize, error: &PictureError) -> Error {
    let found = format!("column `{}` in row {} {error}", field.name, row + 1);
    Error::data_hint(found, error.hint())
}

/// Refuses what holds no images.
fn images(field: &Field) -> Result<()> {
    match field.semantic {
        SemanticType::Image => Ok(()),
        found => Err(Error::WrongType {
            name: field.name.clone(),
            found,
            expected: "image",
            hint: Some("take columns of the bytes of images".into()),
        }),
    }
}

impl Transform for Pixels {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn check(&self, input: &Schema) -> Result<Schema> {
        self.output(input, &self.positions(input)?)
    }

    fn fit_apply(
        &self,
        train: Frame,
        _context: &FitContext<'_>,
    ) -> Result<(Box<dyn FittedTransform>, Frame)> {
        let positions = self.positions(train.schema())?;
        let columns = columns::names(train.schema(), &positions);
        let fitted = FittedPixels::new(train.schema(), columns, self.clone())?;
        let applied = fitted.apply(train)?;
        Ok((Box::new(fitted), applied))
    }

    fn takes_sparse(&self) -> bool {
        true
    }
}

/// [`Pixels`] with its columns resolved.
#[derive(Clone, Debug)]
pub struct FittedPixels {
    signature: Signature,
    facts: Facts,
    plan: Vec<Option<()>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    columns: Vec<String>,
    settings: Pixels,
}

impl FittedPixels {
    fn new(input: &Arc<Schema>, columns: Vec<String>, settings: Pixels) -> Result<Self> {
        settings.check_settings()?;
        let positions = columns::stored(KIND, &columns, input, images)?;
        let output = settings.output(input, &positions)?;
        Ok(Self {
            signature: Signature::new(KIND, input, output),
            plan: columns::plan(input.len(), &positions, positions.iter().map(|_| ())),
            facts: Facts { columns, settings },
        })
    }
}

impl FittedTransform for FittedPixels {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn takes_sparse(&self) -> bool {
        true
    }

    fn apply(&self, rows: Frame) -> Result<Frame> {
        self.signature.require(&rows)?;
        let fields = self.signature.input.fields();
        columns::replaced(rows, &self.signature.output, |at, column| {
            match (self.plan.get(at), fields.get(at), &column) {
                (Some(Some(())), Some(field), Column::Images(images)) => {
                    self.facts.settings.numbers(field, images)
                }
                _ => Ok(vec![column]),
            }
        })
    }

    fn state(&self) -> State {
        State::new(&self.facts)
    }
}

impl Load for FittedPixels {
    fn load(state: &State, input: &Arc<Schema>) -> Result<Self> {
        let facts: Facts = state.facts()?;
        Self::new(input, facts.columns, facts.settings)
            .map_err(|e| Error::damaged(format!("stored `{KIND}`"), e.to_string()))
    }
}
