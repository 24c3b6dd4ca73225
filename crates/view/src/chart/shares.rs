//! Shares of groups side by side: into which category how much of each falls.

use serde::{Deserialize, Serialize};

use crate::axis::{Axis, Ends};
use crate::frame::{Drawing, FONT, NORMAL, Swatch, below_key, empty, entries, fill, plural};
use crate::percent;
use crate::svg::{Area, Svg};
use crate::text::{cut, width};

/// How high a bar is, and how much stands between the bars of two categories.
const BAR: f64 = 12.0;
const GAP: f64 = 10.0;

/// For each category the share of each group, as bars below one another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shares {
    /// What the groups are called.
    pub groups: Vec<String>,
    /// The categories in the given order; more than 40 are counted in a last line.
    pub rows: Vec<ShareRow>,
}

/// One category.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShareRow {
    /// What it is called.
    pub name: String,
    /// The share of each group from 0 to 1, in the order of the groups; what is not finite is left out.
    pub shares: Vec<f64>,
}

const MOST: usize = 40;

impl Shares {
    pub(crate) fn draw(&self) -> Drawing {
        if self.rows.is_empty() || self.groups.is_empty() {
            return empty("no values");
        }
        let shown = &self.rows[..self.rows.len().min(MOST)];
        let row = BAR * self.groups.len() as f64 + GAP;
        let mut svg = Svg::default();
        let outer =
            Area { left: 2.0, top: 0.0, right: NORMAL - 2.0, bottom: row * shown.len() as f64 };
        let names = self.groups.iter().map(String::as_str);
        let outer = below_key(&mut svg, outer, &entries(Swatch::Block, names));
        let names = shown.iter().map(|r| width(&r.name, FONT)).fold(20.0, f64::max);
        let left = names.min(NORMAL * 0.43) + 12.0;
        let area = Area { left, right: NORMAL - 52.0, ..outer };
        let values = shown.iter().flat_map(|r| r.shares.iter().copied()).filter(|v| v.is_finite());
        let axis = Axis { to: None, ..Axis::share("Share of each") };
        let scale = axis.fit(values.chain([0.0]), 4, Ends::Round).onto(area.left, area.right);
        svg.line("axis", (area.left, area.top), (area.left, area.bottom));
        for (i, category) in shown.iter().enumerate() {
            let top = area.top + row * i as f64 + GAP / 2.0;
            let middle = top + (row - GAP) / 2.0 + 4.0;
            let name = cut(&category.name, area.left - 10.0, FONT);
            svg.words("name end", (area.left - 8.0, middle), &name);
            for (group, &share) in category.shares.iter().enumerate().take(self.groups.len()) {
                self.draw_bar(
                    &mut svg,
                    (group, share),
                    scale.at(share),
                    &category.name,
                    (area.left, top),
                );
            }
        }
        let more = self.rows.len() - shown.len();
        if more > 0 {
            let words = format!("and {} more", crate::count(more as u64));
            svg.words("note", (2.0, area.bottom + 14.0), &words);
        }
        let height = area.bottom + if more > 0 { 20.0 } else { 4.0 };
        Drawing { width: NORMAL, height, body: svg.finish(), description: self.describe() }
    }

    fn draw_bar(
        &self,
        svg: &mut Svg,
        (group, share): (usize, f64),
        right: f64,
        category: &str,
        (left, top): (f64, f64),
    ) {
        if !share.is_finite() {
            return;
        }
        let top = top + BAR * group as f64;
        let right = right.max(left + 0.7);
        let bar = Area { left, right, top: top + 0.5, bottom: top + BAR - 0.5 };
        let words = percent(share);
        let tip = format!("{category}\n{}: {words}", self.groups[group]);
        svg.rect(&format!("bar {}", fill(group)), bar).titled(&tip);
        svg.words("tick", (right + 5.0, top + BAR - 2.0), &words);
    }

    fn describe(&self) -> String {
        let row = |row: &ShareRow| {
            let shares: Vec<String> = row.shares.iter().map(|s| percent(*s)).collect();
            format!("{} {}", row.name, shares.join(" and "))
        };
        let first: Vec<String> = self.rows.iter().take(12).map(row).collect();
        let groups = self.groups.join(" and ");
        format!("Shares of {groups} in {}: {}.", plural(self.rows.len(), "row"), first.join("; "))
    }
}
