//! What is tried once a search has ended: models that combine what it found, and calibrated ones.
//!
//! They are trials as those of the search are, on the same folds, and each must earn its place there.
//! Which they are follows from the trials before them as the store has them, so a run that goes on
//! comes to the same ones.

use std::collections::{BTreeMap, BTreeSet};

use gristmill_core::{EstimatorSpec, Task, TransformSpec};
use gristmill_evaluate::search::{Prune, Record, Search, Space};
use serde_json::{Map, Value, json};

use super::prepare::SCALED;
use crate::select::ledger::Before;
use crate::select::settings::SelectSettings;
use crate::select::spelled::{CHOICE, STEPS, Steps};
use crate::select::{Heat, Place, Selected, Selection};
use crate::{Error, Result};

/// By which it is seen whether a calibration is good.
pub(crate) const CALIBRATED_BY: &str = "log_loss";
/// By which share of itself the log loss must fall for a calibration to be worth its time.
const WORTH: f64 = 0.005;
/// Learning from all rows and being evaluated take about as long as this many folds of a search.
const AFTERWARDS: f64 = 3.0;
/// Into how many folds stacking and calibration deal their rows.
const FOLDS: usize = 3;

/// The best of what a search found and of what can be made of it within `minutes`, the search
/// included.
///
/// # Errors
/// When the store cannot be used; when it is stopped.
pub(crate) fn improve(
    selection: &Selection<'_>,
    selected: Selected,
    minutes: f64,
    place: Place<'_>,
) -> Result<Selected> {
    let found = (selected.best, selected.steps.clone());
    let known = Before::of(place.keeper, selection.digest())?;
    let mut finals = Finals {
        selection,
        place,
        left: minutes - known.micros as f64 / 60e6,
        entrants: Vec::new(),
        heats: Vec::new(),
    };
    for heat in selected.heats {
        finals.enter(heat, &known.seconds)?;
    }
    finals.left -= finals.seconds_to_learn(found.0) / 60.0;
    let (searched, blends) = (finals.entrants.len(), blends(&finals.entrants));
    finals.hold("combined models", blends)?;
    let best = finals.best(found.0, searched)?;
    let (number, steps) = (best.number, best.steps.clone());
    let (count, calibrations) = (finals.entrants.len(), finals.calibrations(best));
    finals.hold("calibrated models", calibrations)?;
    let calibrated = finals.entrants.get(count..).unwrap_or_default();
    let better = calibrated.iter().filter(|c| {
        let uncalibrated = finals.entrants.iter().find(|e| e.number == number);
        uncalibrated.is_some_and(|before| c.is_calibrated_better_than(before))
    });
    let better = better.min_by(|a, b| a.log_loss.total_cmp(&b.log_loss));
    let (best, steps) = better.map_or((number, steps), |c| (c.number, c.steps.clone()));
    let keeps = || selection.weigh_whole(&steps, place).map(|weighed| weighed.refused.is_none());
    // What the search found has been weighed already.
    let (best, steps) = if best == found.0 || keeps()? { (best, steps) } else { found };
    Ok(Selected { steps, best, heats: finals.heats })
}

/// A trial that may win.
#[derive(Clone, Debug)]
struct Entrant {
    number: usize,
    /// By the metric that decides; less is better.
    loss: f64,
    /// The same in each fold.
    folds: Vec<f64>,
    /// NaN where it was not computed.
    log_loss: f64,
    steps: Steps,
    /// What its alternative is called.
    named: String,
    /// How long all its folds took together.
    seconds: f64,
}

impl Entrant {
    /// Whether its lead over `other` is greater than the standard error of that lead over the folds.
    ///
    /// A model that is carried away by a few odd rows may lead in the mean over the folds and not where
    /// such a row is; its lead then differs from fold to fold.
    /// The rule of one standard error: Breiman and others, *Classification and Regression Trees*, 1984.
    fn clearly_leads(&self, other: &Self) -> bool {
        let leads: Vec<f64> = other.folds.iter().zip(&self.folds).map(|(o, s)| o - s).collect();
        let (count, mean) = (leads.len() as f64, other.loss - self.loss);
        let squares: f64 = leads.iter().map(|lead| (lead - mean).powi(2)).sum();
        let error = (squares / (count - 1.0).max(1.0) / count).sqrt();
        mean > 0.0 && mean > error
    }

    /// Whether it combines models of one family: where one of them is carried away, all are, and the
    /// best of them alone was chosen by luck more than their mean is.
    fn is_of_one_family(&self) -> bool {
        let models = self.steps.model.settings.get("models").and_then(Value::as_array);
        let families = models.into_iter().flatten().filter_map(Value::as_object);
        families.flat_map(Map::keys).collect::<BTreeSet<_>>().len() == 1
    }

    /// Whether its probabilities are better than those before, and what decides is no worse.
    fn is_calibrated_better_than(&self, before: &Self) -> bool {
        let slack = 1e-9 * before.loss.abs();
        self.loss <= before.loss + slack && self.log_loss < before.log_loss * (1.0 - WORTH)
    }
}

/// Steps that are to be tried.
#[derive(Clone, Debug)]
struct Candidate {
    name: String,
    steps: Steps,
    /// How long all its folds will take together, about.
    seconds: f64,
}

struct Finals<'a> {
    selection: &'a Selection<'a>,
    place: Place<'a>,
    /// Minutes.
    left: f64,
    entrants: Vec<Entrant>,
    heats: Vec<Heat>,
}

impl Finals<'_> {
    /// Counts the trials of a heat that may win.
    fn enter(&mut self, heat: Heat, seconds: &BTreeMap<usize, f64>) -> Result<()> {
        let before: usize = self.heats.iter().map(|heat| heat.records.len()).sum();
        let rules = self.selection.rules(self.selection.seed());
        for (at, record) in heat.records.iter().enumerate().filter(|(_, r)| r.is_eligible()) {
            let point = &record.trial.point;
            let loss = rules.losses(record).and_then(|losses| losses.first().copied());
            let labels = heat.space.labels(point).map_err(|e| Error::bug(e.message))?;
            let Some(loss) = loss else { continue };
            self.entrants.push(Entrant {
                number: before + at,
                loss,
                folds: rules.fold_losses(record).unwrap_or_default(),
                log_loss: mean(record, CALIBRATED_BY),
                steps: Steps::at(&heat.space, point).map_err(|e| Error::bug(e.message))?,
                named: labels.get(STEPS).cloned().unwrap_or_default(),
                seconds: seconds.get(&at).copied().unwrap_or_default(),
            });
        }
        self.heats.push(heat);
        Ok(())
    }

    /// How long a trial's model takes to learn from all rows and to be evaluated, about; that comes
    /// after the search, within its time.
    fn seconds_to_learn(&self, number: usize) -> f64 {
        let trial = self.entrants.iter().find(|entrant| entrant.number == number);
        trial.map_or(0.0, |e| AFTERWARDS * e.seconds / e.folds.len().max(1) as f64)
    }

    /// The winner of the search, which was trial `found`, or the best of those models that combine
    /// what was `searched` and clearly lead it.
    fn best(&self, found: usize, searched: usize) -> Result<&Entrant> {
        let found = self.entrants.iter().find(|entrant| entrant.number == found);
        let found =
            found.ok_or_else(|| Error::bug("a search without a winner was to be improved"))?;
        let blends = self.entrants.iter().skip(searched);
        let ahead = blends.filter(|blend| {
            blend.clearly_leads(found) || (blend.is_of_one_family() && blend.loss < found.loss)
        });
        Ok(ahead.min_by(|a, b| a.loss.total_cmp(&b.loss)).unwrap_or(found))
    }

    /// Tries those of the candidates that there is time for.
    fn hold(&mut self, what: &str, candidates: Vec<Candidate>) -> Result<()> {
        let workers = self.workers();
        let learning = AFTERWARDS * workers / self.folds().max(1) as f64;
        let candidates = affordable(candidates, self.left * 60.0 * workers, learning);
        if candidates.is_empty() {
            return Ok(());
        }
        let spelled = spelled(&candidates);
        let space = Space::parse(&spelled).map_err(|e| Error::bug(e.message))?;
        let settings = SelectSettings {
            candidates: candidates.iter().map(|c| c.steps.model.clone()).collect(),
            search: Search::Grid,
            prune: Some(Prune::Never),
            minutes: Some(self.left),
            ..self.selection.settings.clone()
        };
        let heat = Selection {
            settings: &settings,
            space: &space,
            spelled: &spelled,
            first: Vec::new(),
            ..*self.selection
        };
        let tell = |done, total, said: &str| {
            (self.place.tell)(done, total, &format!("{what}: {said}"));
        };
        let records = heat.race(Place { tell: &tell, ..self.place })?;
        let known = Before::of(self.place.keeper, heat.digest())?;
        self.left -= known.micros as f64 / 60e6;
        self.enter(Heat { space, records }, &known.seconds)
    }

    fn folds(&self) -> usize {
        let records = self.heats.iter().flat_map(|heat| &heat.records);
        records.map(|record| record.scores.len()).max().unwrap_or_default()
    }

    /// How many folds are worked on at once.
    fn workers(&self) -> f64 {
        rayon::current_num_threads().min(self.folds()).max(1) as f64
    }

    /// The winner with its probabilities bent.
    fn calibrations(&self, best: &Entrant) -> Vec<Candidate> {
        let classes = matches!(self.selection.target.task(), Task::Classification { .. });
        if !classes || best.log_loss.is_nan() {
            return Vec::new();
        }
        let many = self.selection.table.rows() >= 5_000;
        let methods: &[&str] = if many { &["isotonic", "sigmoid"] } else { &["sigmoid"] };
        let calibrated = methods.iter().map(|method| Candidate {
            name: format!("{} with {method} calibration", best.steps.model.name),
            steps: Steps {
                model: spec(
                    "calibration",
                    json!({
                        "model": best.steps.model, "method": method, "folds": FOLDS,
                    }),
                ),
                ..best.steps.clone()
            },
            seconds: best.seconds * FOLDS as f64,
        });
        calibrated.collect()
    }
}

fn mean(record: &Record, metric: &str) -> f64 {
    record.scores_of(metric).map_or(f64::NAN, |scores| scores.mean)
}

fn spec(name: &str, settings: Value) -> EstimatorSpec {
    EstimatorSpec { name: name.into(), settings }
}

/// The first of the candidates that take no more than so many seconds together, with one of them learned
/// from all rows in `learning` times the seconds that it takes; dearer ones are left out for cheaper
/// ones after them.
fn affordable(candidates: Vec<Candidate>, seconds: f64, learning: f64) -> Vec<Candidate> {
    let (mut sum, mut dearest) = (0.0, 0.0_f64);
    let fits = |candidate: &Candidate| {
        let last = dearest.max(candidate.seconds * learning);
        let fits = sum + candidate.seconds + last <= seconds;
        if fits {
            (sum, dearest) = (sum + candidate.seconds, last);
        }
        fits
    };
    candidates.into_iter().filter(fits).collect()
}

fn spelled(candidates: &[Candidate]) -> Value {
    let alternatives = candidates.iter().map(|candidate| {
        Value::Object(Map::from_iter([(candidate.name.clone(), json!(candidate.steps))]))
    });
    json!({STEPS: {CHOICE: alternatives.collect::<Vec<_>>()}})
}

/// Models that combine the best of several families, or the best trials of one preparation, cheap
/// ones first.
fn blends(entrants: &[Entrant]) -> Vec<Candidate> {
    let mut ranked: Vec<&Entrant> = entrants.iter().collect();
    ranked.sort_by(|a, b| a.loss.total_cmp(&b.loss).then(a.number.cmp(&b.number)));
    let families = first_of_each(&ranked, |entrant| entrant.steps.model.name.clone());
    let Some(best) = ranked.first() else { return Vec::new() };
    let alike = ranked.iter().filter(|entrant| {
        entrant.named == best.named && entrant.steps.model.name == best.steps.model.name
    });
    let alike: Vec<&Entrant> = alike.copied().collect();
    let alike = first_of_each(&alike, |e| json!(e.steps.model).to_string());
    let (two, three) = (families.get(..2), families.get(..3));
    let votes = [
        ("the 2 best families", two, json!(null)),
        ("the 3 best trials of the best family", alike.get(..3), json!(null)),
        ("the 5 best trials of the best family", alike.get(..5), json!(null)),
        ("the 3 best families", three, json!(null)),
        ("the 2 best families, the first twice", two, json!([2.0, 1.0])),
    ];
    let votes = votes.into_iter().filter_map(|(whom, members, weights)| {
        let members = members?;
        let mut settings = json!({"models": models(members)});
        if !weights.is_null() {
            settings["weights"] = weights;
        }
        candidate(format!("voting of {whom}"), "voting", settings, members, 1.0)
    });
    let stacks = [("the 3 best families", three), ("the 2 best families", two)];
    let stacks = stacks.into_iter().filter_map(|(whom, members)| {
        let members = members?;
        let settings = json!({"models": models(members), "folds": FOLDS});
        candidate(format!("stacking of {whom}"), "stacking", settings, members, FOLDS as f64)
    });
    let mut seen = BTreeSet::new();
    votes.chain(stacks).filter(|c| seen.insert(json!(c.steps).to_string())).collect()
}

fn models(members: &[&Entrant]) -> Vec<EstimatorSpec> {
    members.iter().map(|member| member.steps.model.clone()).collect()
}

fn candidate(
    name: String,
    kind: &str,
    settings: Value,
    members: &[&Entrant],
    times: f64,
) -> Option<Candidate> {
    let steps = Steps { features: together(members)?, model: spec(kind, settings) };
    let seconds = times * members.iter().map(|member| member.seconds).sum::<f64>();
    Some(Candidate { name, steps, seconds })
}

/// Transforms that all members can learn from: those of the best, where all are prepared alike, else
/// those that trees take as well as sums do.
fn together(members: &[&Entrant]) -> Option<Vec<TransformSpec>> {
    let first = members.first()?;
    if members.iter().all(|member| member.named == first.named) {
        return Some(first.steps.features.clone());
    }
    let scaled = members.iter().find(|member| member.named == SCALED)?;
    Some(scaled.steps.features.clone())
}

/// Of those that have the same key the first.
fn first_of_each<'a>(ranked: &[&'a Entrant], key: impl Fn(&Entrant) -> String) -> Vec<&'a Entrant> {
    let mut seen = BTreeSet::new();
    ranked.iter().filter(|entrant| seen.insert(key(entrant))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrant(number: usize, named: &str, model: &str, loss: f64) -> Entrant {
        let features = serde_json::from_value(json!([{named: {"columns": "numeric"}}])).unwrap();
        let model = spec(model, json!({"seed": number}));
        let steps = Steps { features, model };
        let named = named.to_owned();
        let folds = vec![loss; 5];
        Entrant { number, loss, folds, log_loss: 0.5, steps, named, seconds: 10.0 }
    }

    fn drawn(entrants: &[Entrant]) -> Vec<String> {
        let blends = blends(entrants);
        let line = |c: &Candidate| {
            let models = c.steps.model.settings["models"].as_array().unwrap();
            let seeds: Vec<String> = models
                .iter()
                .map(|m| m.as_object().unwrap().values().next().unwrap()["seed"].to_string())
                .collect();
            let (on, kind) = (&c.steps.features[0].name, &c.steps.model.name);
            format!("{kind} of {} on {on}, {} s", seeds.join(" "), c.seconds)
        };
        blends.iter().map(line).collect()
    }

    #[test] // by hand: 10 s a member, stacking three times that
    fn the_best_of_families_are_combined_on_what_all_of_them_take() {
        let entrants = [
            entrant(0, "as_is", "gradient_boosting", -0.80),
            entrant(1, SCALED, "logistic_regression", -0.85),
            entrant(2, "as_is", "gradient_boosting", -0.84),
            entrant(3, "as_is", "extra_trees", -0.83),
        ];
        assert_eq!(
            drawn(&entrants),
            [
                "voting of 1 2 on scaled, 20 s",
                "voting of 1 2 3 on scaled, 30 s",
                "voting of 1 2 on scaled, 20 s",
                "stacking of 1 2 3 on scaled, 90 s",
                "stacking of 1 2 on scaled, 60 s",
            ]
        );
    }

    #[test]
    fn trials_of_the_best_family_are_combined_as_they_are() {
        let entrants = [
            entrant(0, "as_is", "gradient_boosting", -0.80),
            entrant(1, "as_is", "gradient_boosting", -0.82),
            entrant(2, "as_is", "gradient_boosting", -0.81),
        ];
        assert_eq!(drawn(&entrants), ["voting of 1 2 0 on as_is, 30 s"]);
    }

    #[test]
    fn models_of_words_and_of_directions_have_nothing_in_common() {
        let entrants = [entrant(0, "words", "ridge", 1.0), entrant(1, "as_is", "extra_trees", 2.0)];
        assert!(drawn(&entrants).is_empty());
    }

    #[test]
    fn what_does_not_fit_into_the_time_makes_room_for_what_does() {
        let candidate = |name: &str, seconds| {
            let steps = entrant(0, "as_is", "ridge", 0.0).steps;
            Candidate { name: name.into(), steps, seconds }
        };
        let all = vec![candidate("a", 5.0), candidate("b", 20.0), candidate("c", 4.0)];
        let names = |seconds, learning| -> Vec<String> {
            affordable(all.clone(), seconds, learning).into_iter().map(|c| c.name).collect()
        };
        assert_eq!(names(10.0, 0.0), ["a", "c"]);
        assert_eq!(
            names(11.5, 0.5),
            ["a", "c"],
            "9 s to try both and 2.5 s to learn the dearer one"
        );
        assert_eq!(names(11.0, 0.5), ["a"]);
    }

    #[test] // by hand: leads 0.01, 0.02 and 0.03 have a standard error of 0.0058
    fn a_lead_that_differs_from_fold_to_fold_does_not_count() {
        let of = |folds: [f64; 3]| {
            let loss = folds.iter().sum::<f64>() / 3.0;
            Entrant { folds: folds.to_vec(), ..entrant(0, "as_is", "voting", loss) }
        };
        let found = of([-0.90, -0.90, -0.90]);
        assert!(of([-0.91, -0.92, -0.93]).clearly_leads(&found));
        assert!(!of([-0.94, -0.94, -0.85]).clearly_leads(&found), "as with a vote on ames");
        assert!(!found.clearly_leads(&found));
    }

    #[test]
    fn the_mean_of_one_family_need_only_lead() {
        let of = |models: Value| Entrant {
            steps: Steps { features: Vec::new(), model: spec("voting", json!({"models": models})) },
            ..entrant(0, "as_is", "voting", 0.0)
        };
        assert!(of(json!([{"ridge": {"alpha": 1}}, {"ridge": {"alpha": 2}}])).is_of_one_family());
        assert!(!of(json!([{"ridge": {}}, {"extra_trees": {}}])).is_of_one_family());
        assert!(!entrant(0, "as_is", "ridge", 0.0).is_of_one_family());
    }

    #[test]
    fn a_calibration_must_not_cost_what_decides() {
        let before = entrant(0, "as_is", "random_forest", -0.8);
        let after = |loss, log_loss| Entrant { loss, log_loss, ..before.clone() };
        assert!(after(-0.8, 0.4).is_calibrated_better_than(&before));
        assert!(!after(-0.799, 0.4).is_calibrated_better_than(&before));
        assert!(!after(-0.8, 0.4999).is_calibrated_better_than(&before));
    }
}
