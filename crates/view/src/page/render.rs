//! The page of a report: one HTML text with its style and its script inside.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::events;
use super::report::{Block, Finding, Headline, Level, Report, Section};
use super::tables;
use crate::chart::Figure;
use crate::chart::STYLE as CHART_STYLE;
use crate::text::clean;

const STYLE: &str = include_str!("style.css");
/// Shows titles beside the pointer and under a finger; the page says everything without it.
const SCRIPT: &str = include_str!("script.js");
/// The only script that a browser will run in the page, whatever a column may be called.
const SCRIPT_HASH: &str = "sha256-3Xr+wkpCtzLNZhMwD6zsSeCyhKj2SV3ACqg1pbpUEUY=";

/// The report as one HTML text: self-contained, readable without scripts and without a network.
///
/// All text is escaped, and equal reports give equal bytes.
///
/// ```
/// # use gristmill_view::{Report, render};
/// let html = render(&Report::new("a <b> & c"));
/// assert!(html.contains("<h1>a &lt;b&gt; &amp; c</h1>"));
/// ```
pub fn render(report: &Report) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src '{SCRIPT_HASH}'; \
         base-uri 'none'; form-action 'none'"
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.title) " · " (report.kind) }
                style { (PreEscaped(CHART_STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                (head(report))
                (contents(&report.sections))
                main {
                    @for (i, part) in report.sections.iter().enumerate() { (section(i, part)) }
                }
                footer { "Made by Gristmill" }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    clean(&page.into_string()).into_owned()
}

fn head(report: &Report) -> Markup {
    html! {
        header {
            p.kind { (report.kind) }
            h1 { (report.title) }
            @if let Some(summary) = &report.summary { p.summary { (summary) } }
            @if !report.headlines.is_empty() {
                div.headlines {
                    @for headline in &report.headlines { (tile(headline)) }
                }
            }
            @if !report.facts.is_empty() { (tables::facts(&report.facts)) }
        }
    }
}

fn tile(headline: &Headline) -> Markup {
    html! {
        div.headline {
            span.name { (headline.name) }
            span.value { (headline.value.words()) }
            @if let Some(note) = &headline.note { span.note { (note) } }
        }
    }
}

/// Links to the sections, where there are several.
fn contents(sections: &[Section]) -> Markup {
    html! {
        @if sections.len() > 1 {
            nav aria-label="Sections" {
                ul {
                    @for (i, section) in sections.iter().enumerate() {
                        li { a href=(format!("#s{}", i + 1)) { (section.title) } }
                    }
                }
            }
        }
    }
}

fn section(index: usize, section: &Section) -> Markup {
    html! {
        section id=(format!("s{}", index + 1)) {
            h2 { (section.title) }
            @if let Some(lead) = &section.lead { p.lead { (lead) } }
            @for part in &section.blocks { (block(part)) }
        }
    }
}

fn block(block: &Block) -> Markup {
    html! {
        @match block {
            Block::Title(text) => h3.part { (text) },
            Block::Text(text) => p { (text) },
            Block::Facts(facts) => (tables::facts(facts)),
            Block::Metrics(rows) => (tables::metrics(rows)),
            Block::Findings(findings) => (self::findings(findings)),
            Block::Figures(figures) => div.figures {
                @for one in figures { (figure(one)) }
            },
            Block::Columns(columns) => (tables::columns(columns)),
            Block::Table(table) => (tables::table(table)),
            Block::Events(events) => (events::events(events)),
            Block::Code(text) => pre { code { (text) } },
        }
    }
}

fn findings(findings: &[Finding]) -> Markup {
    html! {
        ul.findings {
            @for finding in findings {
                @let (class, word) = looks(finding.level);
                li class=(class) {
                    span class={ "badge " (class) } { (word) }
                    div {
                        strong { (finding.title) }
                        @if let Some(detail) = &finding.detail { p { (detail) } }
                    }
                }
            }
        }
    }
}

/// The class of a level, and its sign and word for those who see no colour.
pub(super) fn looks(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::Good => ("good", "✓ good"),
        Level::Note => ("note", "i note"),
        Level::Warning => ("warning", "! warning"),
        Level::Problem => ("problem", "✕ problem"),
    }
}

fn figure(figure: &Figure) -> Markup {
    let (drawing, svg) = figure.inline();
    html! {
        figure.wide[drawing.is_wide()] {
            figcaption {
                h3 { (figure.title) }
                @if let Some(caption) = &figure.caption { p { (caption) } }
            }
            div.drawing { (PreEscaped(svg)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_the_script() {
        let hash = format!("sha256-{}", STANDARD.encode(Sha256::digest(SCRIPT)));
        assert_eq!(SCRIPT_HASH, hash, "the script has changed: put its hash here");
    }

    #[test]
    fn style_and_script_cannot_end_early() {
        for text in [STYLE, SCRIPT, CHART_STYLE] {
            assert!(!text.contains("</") && !text.contains("<!--") && !text.contains('&'));
        }
    }
}
