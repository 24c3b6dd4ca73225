//! A report of real figures, made by gallery.py, as a page and as single charts:
//! `cargo run --release -p gristmill-view --example gallery -- FOLDER`.

use std::error::Error;
use std::path::PathBuf;

use gristmill_view::{Block, Report, render};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".to_string()));
    let report: Report = serde_json::from_str(include_str!("gallery.json"))?;
    fs_err::create_dir_all(&folder)?;
    let page = render(&report);
    fs_err::write(folder.join("report.html"), &page)?;
    println!("report.html: {}", gristmill_view::bytes(page.len() as u64));
    for block in report.sections.iter().flat_map(|s| &s.blocks) {
        let Block::Figures(figures) = block else { continue };
        for figure in figures {
            let name = figure.title.to_lowercase().replace(' ', "_");
            fs_err::write(folder.join(format!("{name}.svg")), figure.svg())?;
        }
    }
    Ok(())
}
