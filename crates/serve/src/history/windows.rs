//! How far back the steps of a pipeline look.

use gristmill_core::{Depth, FittedPipeline, Scope};

use super::HistoryLimits;

/// How many rows of a group are kept beyond those that the latest request depends on: for rows that come
/// late, and for requests that are sent again.
pub(super) const LATE: usize = 64;

/// In which order of which groups the steps of a pipeline look back, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    /// The columns that name a group; none where all rows are one.
    pub group: Vec<String>,
    /// The column that orders its rows.
    pub order: String,
    /// How far each step looks, the last step first.
    depths: Vec<Depth>,
}

impl Windows {
    /// Those of a pipeline, or why no buffer can serve them.
    pub fn of(pipeline: &FittedPipeline, limits: HistoryLimits) -> Result<Self, String> {
        let mut windows: Option<Self> = None;
        for step in pipeline.steps().iter().rev() {
            let Scope::Windowed { group, order, depth } = step.scope() else { continue };
            match &mut windows {
                None => windows = Some(Self { group, order, depths: vec![depth] }),
                Some(known) if known.group == group && known.order == order => {
                    known.depths.push(depth);
                }
                Some(_) => return Err("its steps look back in different orders or groups".into()),
            }
        }
        let windows = windows.ok_or("no step looks back")?;
        windows.check(limits)?;
        Ok(windows)
    }

    fn check(&self, limits: HistoryLimits) -> Result<(), String> {
        let most = limits.most_rows();
        let rows = self.depths.iter().map(|depth| match depth {
            Depth::Rows(rows) => *rows,
            Depth::Time(_) | Depth::All => 0,
        });
        let reach = rows.fold(LATE + 1, usize::saturating_add);
        if reach > most {
            return Err(format!(
                "with what comes late it takes {reach} rows of a group, and {most} are kept (`--history-rows`)"
            ));
        }
        if self.looks_at_all() && limits.rows.is_none() {
            return Err(
                "it looks at all earlier rows of a group, and nobody said how many of them are enough \
                 (`--history-rows`)"
                    .into(),
            );
        }
        Ok(())
    }

    /// Whether a step looks at all rows before, however many.
    pub fn looks_at_all(&self) -> bool {
        self.depths.contains(&Depth::All)
    }

    /// The first place that the answer at `place` depends on, where `ranks` rise; nothing when it depends
    /// on rows that are gone, all of which stood at `gone` or before.
    pub fn reach(&self, ranks: &[i64], place: usize, gone: Option<i64>) -> Option<usize> {
        let mut first = place;
        for depth in &self.depths {
            first = match depth {
                Depth::Rows(rows) => match first.checked_sub(*rows) {
                    Some(first) => first,
                    None if gone.is_some() => return None,
                    None => 0,
                },
                Depth::Time(micros) => {
                    let span = i64::try_from(*micros).unwrap_or(i64::MAX);
                    let since = ranks.get(first)?.saturating_sub(span);
                    if gone.is_some_and(|gone| gone >= since) {
                        return None;
                    }
                    ranks.partition_point(|rank| *rank < since)
                }
                Depth::All if gone.is_some() => return None,
                Depth::All => 0,
            };
        }
        let is_known = ranks.get(first).is_some_and(|rank| gone.is_none_or(|gone| gone < *rank));
        is_known.then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(depths: &[Depth], place: usize, gone: Option<i64>, expected: Option<usize>) {
        let (group, order) = (Vec::new(), "t".to_owned());
        let windows = Windows { group, order, depths: depths.to_vec() };
        let ranks = [10, 20, 30, 40, 50, 60];
        assert_eq!(windows.reach(&ranks, place, gone), expected, "{depths:?} at {place}, {gone:?}");
    }

    #[test] // by hand
    fn steps_look_back_one_after_the_other() {
        use Depth::{All, Rows, Time};
        check(&[Rows(2)], 5, None, Some(3));
        check(&[Rows(2), Rows(1)], 5, None, Some(2));
        check(&[Time(20)], 5, None, Some(3));
        check(&[Rows(1), Time(15)], 5, None, Some(3));
        check(&[Time(15), Rows(1)], 5, None, Some(3));
        check(&[Rows(9)], 5, None, Some(0));
        check(&[All], 2, None, Some(0));
        check(&[Time(u64::MAX)], 2, None, Some(0));
    }

    #[test] // by hand
    fn what_is_gone_is_not_seen_unless_it_is_not_needed() {
        use Depth::{All, Rows, Time};
        check(&[Rows(2)], 5, Some(5), Some(3));
        check(&[Rows(6)], 5, Some(5), None);
        check(&[Rows(2)], 5, Some(40), None);
        check(&[Time(20)], 5, Some(39), Some(3));
        check(&[Time(20)], 5, Some(40), None);
        check(&[All], 5, Some(1), None);
        check(&[Rows(0)], 0, Some(10), None);
    }
}
