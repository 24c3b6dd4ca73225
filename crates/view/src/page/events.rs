//! What happened, as a table that falls apart into cards on a narrow screen.
//!
//! Roles are named: a browser forgets that a table is one when its style says so.

use maud::{Markup, html};

use super::render::looks;
use super::report::{Event, Evidence};
use super::tables;
use crate::calendar;
use crate::frame::plural;

/// How many a page lists, so that it stays one that a phone can open.
const MOST: usize = 1_000;

pub(super) fn events(events: &[Event]) -> Markup {
    html! {
        div.scroll {
            table.events role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        @for name in ["When (UTC)", "What", "Of", "Why"] {
                            th role="columnheader" scope="col" { (name) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for event in events.iter().take(MOST) { (row(event)) }
                }
            }
        }
        @if events.len() > MOST {
            p.quiet { "and " (plural(events.len() - MOST, "earlier event")) }
        }
    }
}

fn row(event: &Event) -> Markup {
    let (class, _) = looks(event.level);
    html! {
        tr role="row" {
            td.when role="cell" { (calendar::moment(event.at as f64)) }
            td role="cell" { span class={ "badge " (class) } { (event.what) } }
            td role="cell" { @if let Some(of) = &event.of { (of) } }
            td.why role="cell" {
                (event.why)
                @if !event.by.is_empty() { " " span.by { "by " (event.by) } }
                @if let Some(evidence) = &event.evidence { (shown(evidence)) }
            }
        }
    }
}

fn shown(evidence: &Evidence) -> Markup {
    html! {
        details {
            summary { (evidence.name) }
            (tables::facts(&evidence.facts))
            @if let Some(table) = &evidence.table { (tables::table(table)) }
        }
    }
}
