//! `gristmill models traffic NAME`.

use std::fmt::Write as _;

use clap::Args;
use gristmill::models::{self, AbTest, Canary, TrafficPlan, TrafficReport, VersionRef};

use crate::context::Context;
use crate::show;

#[derive(Debug, Args)]
pub struct Traffic {
    /// The model
    name: String,
    /// Let a version answer some of the requests that name none: `3=5%` or `@challenger=10%`
    #[arg(long, value_name = "VERSION=PERCENT", value_parser = share)]
    canary: Option<Share>,
    /// The same, and count on which side requests turn out better: `@challenger=50%`
    #[arg(long, value_name = "VERSION=PERCENT", value_parser = share, conflicts_with = "canary")]
    ab_test: Option<Share>,
    /// How often an A/B test of versions that do not differ may say that they do
    #[arg(long, value_name = "RATE", default_value_t = 0.05, requires = "ab_test")]
    alpha: f64,
    /// Ask a version the same and compare its answers, which nobody gets: `3` or `@challenger`
    #[arg(long, value_name = "VERSION")]
    shadow: Option<VersionRef>,
    /// Leave all requests to the model's own version again
    #[arg(long, conflicts_with_all = ["canary", "ab_test", "shadow"])]
    clear: bool,
    /// Why
    #[arg(long, default_value = "")]
    why: String,
}

/// A version and how many of a hundred requests are for it.
#[derive(Clone, Debug)]
struct Share {
    to: VersionRef,
    percent: f64,
}

fn share(text: &str) -> Result<Share, String> {
    let wrong = || format!("`{text}` is no share; write it as `3=5%` or `@challenger=10%`");
    let (to, percent) = text.split_once('=').ok_or_else(wrong)?;
    let number = percent.trim().trim_end_matches('%').trim_end();
    Ok(Share { to: to.parse()?, percent: number.parse().map_err(|_| wrong())? })
}

/// Lays the plan down when there is one, and shows the one that holds.
pub fn run(wish: &Traffic, context: &Context) -> anyhow::Result<()> {
    let plan = TrafficPlan {
        canary: wish.canary.clone().map(|Share { to, percent }| Canary { to, percent }),
        ab_test: wish.ab_test.clone().map(|Share { to, percent }| AbTest {
            treatment: to,
            percent,
            alpha: wish.alpha,
        }),
        shadow: wish.shadow.clone(),
    };
    let report = match plan.is_empty() && !wish.clear {
        true => models::traffic(&context.home, &wish.name)?,
        false => models::set_traffic(&context.home, &wish.name, plan, &wish.why)?,
    };
    context.print(&report, || drawn(&report))
}

fn drawn(report: &TrafficReport) -> String {
    let mut text = format!("{}: {}\n", report.model, report.plan);
    if let Some(test) = &report.test {
        let began = show::moment(test.began);
        let _ = writeln!(
            text,
            "version {} against version {} since {began}",
            test.treatment, test.control
        );
    }
    if let Some(totals) = &report.totals {
        for (side, found) in [("control", totals.control), ("treatment", totals.treatment)] {
            let mean = show::number(found.mean);
            let _ = writeln!(text, "{side}: {} outcomes, mean {mean}", found.count);
        }
        text.push_str(&match &report.verdict {
            None => "too few outcomes to say anything\n".into(),
            Some(found) => format!(
                "difference {} [{}, {}], p = {}: {}\n",
                show::number(found.difference),
                show::number(found.lower),
                show::number(found.upper),
                show::number(found.p_value),
                if found.differs { "they differ" } else { "not decided yet" }
            ),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_version_and_a_percentage() {
        for (text, to, percent) in
            [("3=5%", "3", 5.0), ("@challenger=12.5", "@challenger", 12.5), ("b=1 %", "@b", 1.0)]
        {
            let found = share(text).unwrap();
            assert_eq!((found.to.to_string().as_str(), found.percent), (to, percent), "{text}");
        }
        for wrong in ["3", "=5%", "3=", "3=half", ""] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
