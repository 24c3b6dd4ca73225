//! A report of real figures, made by gallery.py, as a page and as single charts:
//! `cargo run --release -p gristmill-view --example gallery -- FOLDER`.

use std::error::Error;
use std::path::PathBuf;

use gristmill_view::{Block, Figure, Report, Section, render};

/// The same awkward data that the tests draw, to be looked at.
#[path = "../tests/it/awkward.rs"]
mod awkward;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".to_string()));
    let report: Report = serde_json::from_str(include_str!("gallery.json"))?;
    fs_err::create_dir_all(&folder)?;
    let page = render(&report);
    fs_err::write(folder.join("report.html"), &page)?;
    println!("report.html: {}", gristmill_view::bytes(page.len() as u64));
    for (set, _) in awkward::values().into_iter().chain([("", vec![])]) {
        let of_set = |f: &Figure| f.title.split_once(": ").map_or("", |(_, set)| set) == set;
        let figures = awkward::figures().into_iter().filter(of_set).collect();
        let section = Section::new(set).with(Block::Figures(figures));
        let page = Report { sections: vec![section], ..Report::new("Awkward data") };
        fs_err::write(
            folder.join(format!("awkward_{}.html", set.replace(' ', "_"))),
            render(&page),
        )?;
    }
    for block in report.sections.iter().flat_map(|s| &s.blocks) {
        let Block::Figures(figures) = block else { continue };
        for figure in figures {
            let name = figure.title.to_lowercase().replace(' ', "_");
            fs_err::write(folder.join(format!("{name}.svg")), figure.svg())?;
        }
    }
    Ok(())
}
