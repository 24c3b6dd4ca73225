"""Means over five folds, ours and the peer's with equal settings, and whether they differ by more
than the folds do among themselves."""
import tempfile
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn import (ensemble, feature_extraction, linear_model, model_selection, naive_bayes, neighbors, pipeline,
                     svm, tree)

from . import rows, scores, turn

FOLDS = list(range(5))
# Smaller differences are no differences, however steady they are.
NEGLIGIBLE = 5e-4


def in_folds(held):
    """The rows with a fold each: every class in all of them, where it has rows enough."""
    if len(np.unique(held.folds)) == len(FOLDS):
        return held
    kind = model_selection.StratifiedKFold if held.classes else model_selection.KFold
    folds = np.zeros(held.count, dtype=int)
    with warnings.catch_warnings():
        # Some classes have fewer rows than there are folds; then some folds have none of them.
        warnings.simplefilter("ignore", UserWarning)
        split = kind(len(FOLDS), shuffle=True, random_state=0).split(np.zeros(held.count), held.target)
        for fold, (_, test) in enumerate(split):
            folds[test] = fold
    return rows.Rows(held.columns, held.target, folds)


def boosters(threads):
    from lightgbm import LGBMClassifier, LGBMRegressor

    settings = {"n_jobs": threads, "verbose": -1, "random_state": 0}
    return partial(LGBMClassifier, **settings), partial(LGBMRegressor, **settings)


def both(threads):
    """For trees and neighbors: name, settings, the peer's for classes and for numbers."""
    forest = {"n_jobs": threads, "random_state": 0}
    return [
        ("k_nearest", {}, neighbors.KNeighborsClassifier, neighbors.KNeighborsRegressor),
        ("decision_tree", {"min_samples_leaf": 20}, partial(tree.DecisionTreeClassifier, min_samples_leaf=20),
         partial(tree.DecisionTreeRegressor, min_samples_leaf=20)),
        ("random_forest", {}, partial(ensemble.RandomForestClassifier, **forest),
         partial(ensemble.RandomForestRegressor, **forest)),
        ("extra_trees", {}, partial(ensemble.ExtraTreesClassifier, **forest),
         partial(ensemble.ExtraTreesRegressor, **forest)),
        ("gradient_boosting", {}, *boosters(threads)),
    ]


def of_classes(threads):
    return [
        ("logistic_regression", {}, partial(linear_model.LogisticRegression, max_iter=2_000)),
        ("gaussian_naive_bayes", {}, naive_bayes.GaussianNB),
        ("linear_svm", {"max_iter": 2_000}, partial(svm.LinearSVC, max_iter=2_000)),
        ("svm", {}, svm.SVC),
        *((name, settings, classes) for name, settings, classes, _ in both(threads)),
    ]


def of_numbers(threads):
    return [
        ("linear_regression", {}, linear_model.LinearRegression),
        ("ridge", {}, linear_model.Ridge),
        ("lasso", {"alpha": 0.001}, partial(linear_model.Lasso, alpha=0.001, max_iter=10_000)),
        ("linear_svm", {"max_iter": 2_000}, partial(svm.LinearSVR, max_iter=2_000)),
        ("svm", {}, svm.SVR),
        *((name, settings, amounts) for name, settings, _, amounts in both(threads)),
    ]


# Fewer rows for those that compare rows in pairs.
SVM_ROWS = 4_000
CLASS_ONLY = ("linear_svm", "svm")


def tabular(make, most=30_000):
    """Lines of a table: plain numbers for most, the categories as they are for boosting."""

    def lines(threads):
        whole = make().sample(most)
        plain = whole.plain()
        for name, settings, peer in of_classes(threads) if whole.classes else of_numbers(threads):
            held = whole if name == "gradient_boosting" else plain
            yield name, held.sample(SVM_ROWS) if name == "svm" else held, [], [name, settings], peer

    lines.__doc__ = make.__doc__
    return lines


def movies(_threads):
    """Sentences of films by the weights of their words."""
    held = rows.movies()
    words = feature_extraction.text.TfidfVectorizer
    for name, peer in [("logistic_regression", linear_model.LogisticRegression),
                       ("multinomial_naive_bayes", naive_bayes.MultinomialNB), ("linear_svm", svm.LinearSVC)]:
        yield (f"tfidf + {name}", held, [["tfidf", {}]], [name, {}],
               lambda peer=peer: pipeline.make_pipeline(words(), peer()))


def prices():
    """Prices of houses in Ames: their logarithm, in standard deviations."""
    return scaled(rows.ames())


def churn():
    """Who leaves a telephone company."""
    return rows.telco()


def sensors():
    """Shuttle sensors, 7 classes, of which 3 are rare; 20,000 rows."""
    return rows.shuttle().sample(20_000)


def cars():
    """Cars an hour by time and weather, in standard deviations; 20,000 rows."""
    return scaled(rows.traffic().sample(20_000))


def scaled(held):
    """The target at mean 0 and deviation 1, where settings such as `epsilon` mean what they usually do."""
    return rows.Rows(held.columns, (held.target - held.target.mean()) / held.target.std(), held.folds)


def flights():
    """Late flights; 20,000 rows."""
    return rows.flights().sample(20_000)


SETS = {"telco": tabular(churn), "shuttle": tabular(sensors), "ames": tabular(prices),
        "engines": tabular(rows.engines), "traffic": tabular(cars), "flights": tabular(flights), "movies": movies}


def score_of(held, model):
    if not held.classes:
        return scores.r2
    return scores.accuracy if model in CLASS_ONLY or held.target.max() > 1 else scores.auc


def compare(line, folder):
    """A score for each fold, ours and theirs."""
    _, held, steps, model, peer = line
    held = in_folds(held)
    turn.write(folder, held)
    score = score_of(held, model[0])
    ours = [answers for _, answers in turn.ours(folder, held, steps, model, FOLDS)]
    theirs = [turn.theirs(held, peer, fold)[1] for fold in FOLDS]
    of = lambda answers: np.array([score(held.target[held.folds == fold], answers[fold], None) for fold in FOLDS])
    return score.__name__, held.count, of(ours), of(theirs)


def verdict(ours, theirs):
    """By a t-test of the differences in pairs: of lines without a difference, one in twenty errs."""
    apart = ours - theirs
    if abs(apart.mean()) < NEGLIGIBLE:
        return "equal"
    chance = stats.ttest_rel(ours, theirs).pvalue
    if chance > 0.05:
        return f"within noise (p {chance:.2f})"
    return f"{'ABOVE' if apart.mean() > 0 else 'BELOW'} the peer (p {chance:.3f})"


def show(given):
    print(f"means and deviations over {len(FOLDS)} folds, the same for both sides; scikit-learn, LightGBM for boosting")
    for name in given.sets or SETS:
        print(f"\n{name}: {SETS[name].__doc__}")
        for line in SETS[name](given.threads):
            if given.only and not any(line[0].startswith(start) for start in given.only):
                continue
            with tempfile.TemporaryDirectory() as folder:
                score, count, ours, theirs = compare(line, Path(folder))
            text = "".join(f"{side.mean():>9.4f} ± {side.std(ddof=1):.4f}" for side in (ours, theirs))
            print(f"{line[0]:<34}{count:>7,} {score:<9}{text}{ours.mean() - theirs.mean():>+9.4f}"
                  f"  {verdict(ours, theirs)}", flush=True)
