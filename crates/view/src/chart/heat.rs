//! Tables of coloured cells: confusion matrices and correlations.

use serde::{Deserialize, Serialize};

use crate::frame::{Drawing, FONT, NORMAL, WIDE, empty, plural};
use crate::number::fixed;
use crate::points::gaps;
use crate::svg::{Area, Svg};
use crate::text::{cut, width};
use crate::{count, percent};

/// How many classes or columns are drawn at most; cells would become invisible beyond.
const MOST: usize = 40;
/// With more cells than this, only those that stand out answer when pointed at.
const MOST_TIPS: usize = 900;
/// How much of a name is repeated in every cell, in pixels.
const TIP: f64 = 240.0;

/// How often a class was taken for another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Confusion {
    /// The classes.
    pub classes: Vec<String>,
    /// A row for each actual class: how often which class was predicted.
    pub counts: Vec<Vec<u64>>,
}

/// Values in rows and columns, coloured around 0: correlations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeatMap {
    /// The names of the rows.
    pub rows: Vec<String>,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The values row by row; NaN is left blank.
    pub values: Vec<HeatRow>,
}

/// The values of a row of a [`HeatMap`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeatRow(#[serde(with = "gaps")] pub Vec<f64>);

impl Confusion {
    pub(crate) fn draw(&self) -> Drawing {
        let shown = self.classes.len().min(MOST);
        if shown == 0 {
            return empty("no classes");
        }
        let names = &self.classes[..shown];
        let mut svg = Svg::default();
        let grid = Grid::new(names, names, ("actual", "predicted"));
        grid.draw_names(&mut svg, names, names);
        for row in 0..shown {
            for column in 0..shown {
                self.draw_cell(&mut svg, &grid, (row, column));
            }
        }
        let description = format!("Confusion matrix of {}.", self.describe());
        Drawing { width: grid.width, height: grid.height, body: svg.finish(), description }
    }

    fn count(&self, row: usize, column: usize) -> u64 {
        self.counts.get(row).and_then(|r| r.get(column)).copied().unwrap_or(0)
    }

    /// The share of the actual class.
    fn share(&self, row: usize, column: usize) -> Option<f64> {
        let total: u64 = self.counts.get(row).map_or(0, |r| r.iter().sum());
        (total > 0).then(|| self.count(row, column) as f64 / total as f64)
    }

    fn draw_cell(&self, svg: &mut Svg, grid: &Grid, (row, column): (usize, usize)) {
        let (found, share) = (self.count(row, column), self.share(row, column));
        // Hits and misses differ in hue, so a glance finds the misses.
        let class = if row == column { "f0" } else { "f1" };
        let words = [count(found), share.map_or_else(|| "–".to_string(), percent)];
        let name = |class: usize| cut(&self.classes[class], TIP, FONT);
        let (actual, predicted) = (name(row), name(column));
        let tip = format!("actual {actual}\npredicted {predicted}\n{} · {}", words[0], words[1]);
        grid.draw_cell(svg, (row, column), (class, share.unwrap_or(0.0)), &words, &tip);
    }

    fn describe(&self) -> String {
        let hits = |i: usize| {
            format!("{} {}", self.classes[i], self.share(i, i).map_or("–".to_string(), percent))
        };
        let shares: Vec<String> = (0..self.classes.len().min(12)).map(hits).collect();
        let classes = plural(self.classes.len(), "class").replace("classs", "classes");
        format!("{classes}; found of each: {}", shares.join(", "))
    }
}

impl HeatMap {
    pub(crate) fn draw(&self) -> Drawing {
        let rows = &self.rows[..self.rows.len().min(MOST)];
        let columns = &self.columns[..self.columns.len().min(MOST)];
        if rows.is_empty() || columns.is_empty() {
            return empty("no cells");
        }
        let known = || self.values.iter().flat_map(|r| &r.0).filter(|v| v.is_finite());
        let most = known().fold(0.0_f64, |most, v| most.max(v.abs())).max(f64::MIN_POSITIVE);
        let mut svg = Svg::default();
        let grid = Grid::new(rows, columns, ("", ""));
        grid.draw_names(&mut svg, rows, columns);
        for (i, row) in rows.iter().enumerate() {
            for (j, column) in columns.iter().enumerate() {
                let value = self.values.get(i).and_then(|r| r.0.get(j)).copied();
                let value = value.filter(|v| v.is_finite());
                let class = if value.is_some_and(|v| v < 0.0) { "f1" } else { "f0" };
                let words = value.map_or_else(|| "–".to_string(), |v| short(v, most));
                let (row, column) = (cut(row, TIP, FONT), cut(column, TIP, FONT));
                let tip = format!("{row}\n{column}\n{}", crate::number(value.unwrap_or(f64::NAN)));
                let strength = value.map_or(0.0, |v| v.abs() / most);
                grid.draw_cell(&mut svg, (i, j), (class, strength), &[words], &tip);
            }
        }
        let (rows, columns) = (plural(rows.len(), "row"), plural(columns.len(), "column"));
        let description = format!("Heat map of {rows} and {columns}.");
        Drawing { width: grid.width, height: grid.height, body: svg.finish(), description }
    }
}

/// A value in a cell: two digits where all are small, else as everywhere.
fn short(value: f64, most: f64) -> String {
    if (0.01..=10.0).contains(&most) { fixed(value, 2) } else { crate::number(value) }
}

/// Where the cells and their names lie.
struct Grid {
    width: f64,
    height: f64,
    left: f64,
    top: f64,
    cell: (f64, f64),
    /// Whether the names of the columns stand upright.
    upright: bool,
    cells: usize,
    axes: (&'static str, &'static str),
}

impl Grid {
    fn new(rows: &[String], columns: &[String], axes: (&'static str, &'static str)) -> Self {
        let full = if columns.len() > 12 { WIDE } else { NORMAL };
        let widest = |names: &[String]| names.iter().map(|n| width(n, FONT)).fold(0.0, f64::max);
        let headed = if axes.0.is_empty() { 0.0 } else { 18.0 };
        let left = widest(rows).clamp(10.0, full * 0.3) + 10.0 + headed;
        let cell = ((full - left - 4.0) / columns.len() as f64).clamp(6.0, 190.0);
        let upright = widest(columns) > cell - 4.0;
        let names = if upright { widest(columns).min(110.0) } else { FONT };
        let height = cell.min((300.0 / rows.len() as f64).clamp(34.0, 110.0));
        let top = names + 12.0 + headed;
        Self {
            width: full,
            height: top + height * rows.len() as f64 + 4.0,
            left,
            top,
            cell: (cell, height),
            upright,
            cells: rows.len() * columns.len(),
            axes,
        }
    }

    fn draw_names(&self, svg: &mut Svg, rows: &[String], columns: &[String]) {
        let (cell, height) = self.cell;
        let stride = |size: f64| ((FONT + 1.0) / size).ceil().max(1.0) as usize;
        for (i, name) in rows.iter().enumerate().step_by(stride(height)) {
            let y = self.top + height * (i as f64 + 0.5) + 4.0;
            let room = self.left - if self.axes.0.is_empty() { 8.0 } else { 26.0 };
            svg.words("name end", (self.left - 6.0, y), &cut(name, room, FONT));
        }
        for (j, name) in columns.iter().enumerate().step_by(stride(cell)) {
            let x = self.left + cell * (j as f64 + 0.5);
            if self.upright {
                let (x, y) = (x + 4.0, self.top - 6.0);
                let turn = format!("rotate(-90 {x:.1} {y:.1})");
                let tag = svg.tag("text").class("name").at("x", x).at("y", y);
                tag.set("transform", &turn).words(&cut(name, 106.0, FONT));
            } else {
                svg.words("name middle", (x, self.top - 6.0), &cut(name, cell, FONT));
            }
        }
        self.draw_axes(svg, rows.len(), columns.len());
    }

    fn draw_axes(&self, svg: &mut Svg, rows: usize, columns: usize) {
        let (down, across) = self.axes;
        if down.is_empty() {
            return;
        }
        let x = self.left + self.cell.0 * columns as f64 / 2.0;
        svg.words("label middle", (x, 12.0), across);
        let (x, y) = (12.0, self.top + self.cell.1 * rows as f64 / 2.0);
        let turn = format!("rotate(-90 {x:.1} {y:.1})");
        let tag = svg.tag("text").class("label middle").at("x", x).at("y", y);
        tag.set("transform", &turn).words(down);
    }

    /// A cell as strong as its share, with its words where they fit.
    fn draw_cell(
        &self,
        svg: &mut Svg,
        (row, column): (usize, usize),
        (class, strength): (&str, f64),
        words: &[String],
        tip: &str,
    ) {
        let (cell, height) = self.cell;
        let (left, top) = (self.left + cell * column as f64, self.top + height * row as f64);
        let area = Area {
            left: left + 0.5,
            top: top + 0.5,
            right: left + cell - 0.5,
            bottom: top + height - 0.5,
        };
        let opacity = format!("{:.2}", 0.04 + 0.92 * strength.clamp(0.0, 1.0));
        let rect = svg.rect(class, area).set("fill-opacity", &opacity);
        if self.cells <= MOST_TIPS || strength >= 0.3 {
            rect.titled(tip);
        } else {
            rect.close();
        }
        let size = if height > 60.0 { FONT + 3.0 } else { FONT - 1.0 };
        let fitting: Vec<&String> = words
            .iter()
            .filter(|w| width(w, size) <= cell - 2.0)
            .take((height / (size + 4.0)) as usize)
            .collect();
        let (x, middle) = area.middle();
        let big = if height > 60.0 { "big " } else { "cell-words " };
        let ink = format!("{big}{}middle", if strength > 0.78 { "strong " } else { "" });
        for (i, word) in fitting.iter().enumerate() {
            let y = middle + 4.0 + (i as f64 - (fitting.len() as f64 - 1.0) / 2.0) * (size + 4.0);
            svg.words(&ink, (x, y), word);
        }
    }
}
