"""Makes gallery.json: a report of real figures, from the data sets telco (churn of customers) and
ames (prices of houses), by scikit-learn and LightGBM.

    python3 crates/view/examples/gallery.py FOLDER_WITH_CSV_FILES > crates/view/examples/gallery.json
"""

import json
import pathlib
import sys
import time

import lightgbm
import numpy as np
import pandas as pd
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.compose import ColumnTransformer, make_column_selector as having
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (accuracy_score, average_precision_score, brier_score_loss, confusion_matrix,
                             f1_score, log_loss, precision_recall_curve, r2_score, recall_score,
                             roc_auc_score, roc_curve)
from sklearn.model_selection import StratifiedKFold, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

folder = pathlib.Path(sys.argv[1])
rng = np.random.default_rng(42)


def short(values, digits=5):
    """Numbers as JSON can hold them, NaN as null."""
    return [None if not np.isfinite(v) else float(f"{v:.{digits}g}") for v in np.asarray(values, float)]


def points(x, y):
    return [list(p) for p in zip(short(x), short(y))]


def figure(title, chart, caption=None):
    made = {"title": title, "chart": chart}
    return made | ({"caption": caption} if caption else {})


def bins(values, count=20, span=None):
    values = np.asarray(values, float)
    counts, borders = np.histogram(values[np.isfinite(values)], bins=count, range=span)
    borders = short(borders)
    return [{"from": a, "to": b, "count": int(n)} for a, b, n in zip(borders, borders[1:], counts)]


def axis(label, measure="number", ends=(None, None)):
    return {"label": label, "measure": measure, "from": ends[0], "to": ends[1]}


def share(label):
    return axis(label, "share", (0, 1))


def thinned(x, y, most=250):
    keep = np.unique(np.linspace(0, len(x) - 1, most).astype(int))
    return points(np.asarray(x)[keep], np.asarray(y)[keep])


def bootstrap(metric, actual, scores, rounds=300):
    found = []
    for _ in range(rounds):
        rows = rng.integers(0, len(actual), len(actual))
        found.append(metric(actual[rows], scores[rows]))
    return [float(v) for v in np.quantile(found, [0.025, 0.975])]


def describe(frame, target):
    columns = []
    for name in frame:
        column = frame[name]
        numeric = pd.api.types.is_numeric_dtype(column) and column.nunique() > 2
        made = {"name": name, "kind": "number" if numeric else "category", "rows": len(frame),
                "missing": int(column.isna().sum()), "distinct": int(column.nunique()), "facts": []}
        if name == target:
            made["role"] = "target"
        if numeric:
            facts = {"mean": column.mean(), "median": column.median(), "min": column.min(), "max": column.max()}
            made["facts"] = [{"name": k, "value": {"number": float(v)}} for k, v in facts.items()]
            made["sketch"] = {"bins": bins(column, 24)}
        else:
            counts = column.value_counts()
            made["sketch"] = {"words": [[f"{k:g}" if isinstance(k, float) else str(k), int(v)] for k, v in list(counts.items())[:6]]}
        columns.append(made)
    return columns


# -- churn -----------------------------------------------------------------------------------------
started = time.time()
telco = pd.read_csv(folder / "telco.csv")
telco["total_charges"] = pd.to_numeric(telco["total_charges"], errors="coerce")
telco = telco.astype({name: float for name in telco.select_dtypes("number")})
features, churned = telco.drop(columns="churn"), (telco["churn"] == "Yes").to_numpy().astype(int)
train_x, test_x, train_y, test_y = train_test_split(features, churned, test_size=0.2, stratify=churned, random_state=42)


def prepared(model):
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore")
    steps = ColumnTransformer([("numbers", numbers, having(dtype_include="number")),
                               ("words", words, having(dtype_exclude="number"))])
    return make_pipeline(steps, model)


logistic = prepared(LogisticRegression(max_iter=1000)).fit(train_x, train_y)
forest = prepared(RandomForestClassifier(300, min_samples_leaf=3, random_state=42, n_jobs=1)).fit(train_x, train_y)
scores = {"logistic_regression": logistic.predict_proba(test_x)[:, 1],
          "random_forest": forest.predict_proba(test_x)[:, 1]}
best, train_scores = scores["logistic_regression"], logistic.predict_proba(train_x)[:, 1]

roc, pr, gains, lift, calibration = [], [], [], [], []
for name, score in scores.items():
    fpr, tpr, _ = roc_curve(test_y, score)
    roc.append({"name": f"{name} · AUC {roc_auc_score(test_y, score):.4f}", "points": thinned(fpr, tpr)})
    precision, recall, _ = precision_recall_curve(test_y, score)
    pr.append({"name": f"{name} · AP {average_precision_score(test_y, score):.4f}",
               "points": thinned(recall[::-1], precision[::-1])})
    order = np.argsort(-score)
    found, all_rows = np.cumsum(test_y[order]) / test_y.sum(), np.arange(1, len(order) + 1) / len(order)
    gains.append({"name": name, "points": thinned(np.r_[0, all_rows], np.r_[0, found], 120)})
    lift.append({"name": name, "points": thinned(all_rows[20:], (found / all_rows)[20:], 120)})
    observed, predicted = calibration_curve(test_y, score, n_bins=10)
    counts, _ = np.histogram(score, bins=10, range=(0, 1))
    made = []
    for p, o, n in zip(predicted, observed, counts[counts > 0]):
        half = 1.96 * np.sqrt(max(o * (1 - o), 1e-9) / n)
        made.append({"predicted": float(p), "observed": float(o), "count": int(n),
                     "interval": [max(0.0, o - half), min(1.0, o + half)]})
    calibration.append({"name": name, "bins": made})

answers = (best >= 0.5).astype(int)
confusion = confusion_matrix(test_y, answers)
folds = StratifiedKFold(5, shuffle=True, random_state=42)
named = ["accuracy", "recall", "f1", "roc_auc", "average_precision", "neg_log_loss"]
crossed = {name: cross_validate(model, train_x, train_y, cv=StratifiedKFold(10, shuffle=True, random_state=1), scoring="roc_auc")["test_score"]
           for name, model in [("logistic_regression", logistic), ("random_forest", prepared(RandomForestClassifier(60, min_samples_leaf=3, random_state=1, n_jobs=1)))]}
cv = cross_validate(logistic, features, churned, cv=folds, scoring=named)


def metric(name, function, cv_name, on_scores=True, sign=1, gate=None):
    values = {}
    for part, actual, score in [("train", train_y, train_scores), ("test", test_y, best)]:
        given = score if on_scores else (score >= 0.5).astype(int)
        values[part] = {"value": float(function(actual, given))}
        if part == "test":
            values[part]["interval"] = bootstrap(function, actual, given)
    folded = sign * cv[f"test_{cv_name}"]
    values["cross_validated"] = {"mean": float(folded.mean()), "deviation": float(folded.std(ddof=1)), "folds": 5}
    return {"name": name, **values} | ({"gate": gate} if gate else {})


metrics = [
    metric("roc_auc", roc_auc_score, "roc_auc", gate={"wanted": "at least 0.80", "verdict": "met"}),
    metric("average_precision", average_precision_score, "average_precision"),
    metric("accuracy", accuracy_score, "accuracy", on_scores=False),
    metric("recall", recall_score, "recall", on_scores=False, gate={"wanted": "at least 0.60", "verdict": "missed"}),
    metric("f1", f1_score, "f1", on_scores=False),
    metric("log_loss", log_loss, "neg_log_loss", sign=-1),
]

importance = permutation_importance(logistic, test_x, test_y, scoring="roc_auc", n_repeats=8, random_state=42, n_jobs=1)
importances = sorted(({"name": n, "value": float(m), "interval": [float(m - s), float(m + s)]} for n, m, s in
                      zip(features, importance.importances_mean, importance.importances_std)), key=lambda b: -b["value"])
slices = []
for column in ["contract", "internet_service", "senior_citizen"]:
    for value in test_x[column].unique():
        rows = (test_x[column] == value).to_numpy()
        low, high = bootstrap(roc_auc_score, test_y[rows], best[rows], 200)
        slices.append({"name": f"{column} = {value:g}" if isinstance(value, float) else f"{column} = {value}", "value": float(roc_auc_score(test_y[rows], best[rows])),
                       "interval": [low, high], "note": f"{rows.sum()} rows"})

boosted_x = features.apply(lambda c: c if pd.api.types.is_numeric_dtype(c) else c.astype("category"))
booster = lightgbm.LGBMClassifier(n_estimators=120, learning_rate=0.05, num_leaves=15, random_state=42, verbose=-1, n_jobs=1)
booster.fit(boosted_x.loc[train_x.index], train_y)
rows = test_x.index[:500]
contributions = booster.predict(boosted_x.loc[rows], pred_contrib=True)[:, :-1]
order = np.argsort(-np.abs(contributions).mean(axis=0))[:12]
swarms = []
for i in order:
    column = features.iloc[:, i].loc[rows]
    numeric = pd.api.types.is_numeric_dtype(column)
    swarms.append({"name": features.columns[i], "contributions": short(contributions[:, i], 4),
                   "values": short(column, 4) if numeric else []})

grid = partial_dependence(logistic, train_x, ["tenure"], kind="both", grid_resolution=40)
single = grid["individual"][0]
x = grid["grid_values"][0]
spread = np.quantile(single, [0.1, 0.9], axis=0)
dependence = {"number": {
    "x": axis("tenure, months"), "y": share("Predicted probability of churn"),
    "mean": points(x, grid["average"][0]),
    "band": [{"x": float(a), "low": float(b), "high": float(c)} for a, b, c in zip(x, *spread)],
    "rows": [points(x, row) for row in single[:12]],
    "seen": short(np.quantile(train_x["tenure"], np.linspace(0, 1, 11)))}}
by_contract = partial_dependence(logistic, train_x, ["contract"], categorical_features=["contract"])
contract = {"category": {"y": share("Predicted probability of churn") | {"from": None, "to": None},
                         "bars": [{"name": str(n), "value": float(v)} for n, v in
                                  zip(by_contract["grid_values"][0], by_contract["average"][0])]}}

# -- a small search --------------------------------------------------------------------------------
trials, settings = [], []
for number in range(40):
    rate, leaves, rounds = 10 ** rng.uniform(-2.5, -0.3), int(rng.integers(4, 64)), int(rng.integers(20, 150))
    kind = str(rng.choice(["usual", "extra"]))
    begun = time.perf_counter()
    model = lightgbm.LGBMClassifier(n_estimators=rounds, learning_rate=rate, num_leaves=leaves, extra_trees=kind == "extra",
                                    random_state=1, verbose=-1, n_jobs=1).fit(boosted_x.loc[train_x.index], train_y)
    auc = roc_auc_score(test_y, model.predict_proba(boosted_x.loc[test_x.index])[:, 1])
    took = time.perf_counter() - begun
    settings.append({"name": f"trial {number}", "values": [float(f"{rate:.4g}"), leaves, rounds, kind], "score": float(auc)})
    trials.append({"name": f"trial {number}", "x": float(f"{took:.4g}"), "y": float(auc)})

# -- houses ----------------------------------------------------------------------------------------
ames = pd.read_csv(folder / "ames.csv")
houses = ames.drop(columns=["Order", "PID", "price"]).apply(
    lambda c: c if pd.api.types.is_numeric_dtype(c) else c.astype("category").cat.codes)
house_train, house_test, price_train, price_test = train_test_split(houses, ames["price"], test_size=0.4, random_state=42)
regressor = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.08, random_state=42).fit(house_train, price_train)
predicted = regressor.predict(house_test)
residuals = price_test.to_numpy() - predicted
correlated = ames[["price", "area", "Overall.Qual", "Year.Built", "Lot.Area", "Garage.Area", "Overall.Cond", "Bsmt.Unf.SF"]].corr()

# Sales by month as a backtest: the mean price of the months before predicts the next.
months = ames.groupby(["Yr.Sold", "Mo.Sold"])["price"].median()
moments = [int(pd.Timestamp(year=y, month=m, day=1).timestamp()) * 1_000_000 for y, m in months.index]
rolled = months.rolling(6).mean().shift(1)
spread = months.rolling(12).std().shift(1)
backtest = {"x": axis("", "time"), "y": axis("Median price, dollars"), "shape": "wide", "series": [
    {"name": "actual", "points": points(moments, months)},
    {"name": "predicted", "points": points(moments, rolled), "stroke": "dashed", "band": [
        {"x": m, "low": None if np.isnan(s) else float(r - s), "high": None if np.isnan(s) else float(r + s)}
        for m, r, s in zip(moments, rolled, spread)]}],
    "guides": [{"upright": {"at": moments[30], "label": "test begins"}}]}

shares = share("Predicted probability of churn")
sections = [
    {"title": "Metrics", "lead": "How well the model does on the rows it learned from, on rows held out, and over folds.",
     "blocks": [{"metrics": metrics}]},
    {"title": "Findings", "blocks": [{"findings": [
        {"level": "problem", "title": "The gate refused the model: recall 0.56 is below 0.60",
         "detail": "Lower the threshold from 0.50 to 0.42 to reach it at a precision of 0.59, or weigh the classes."},
        {"level": "warning", "title": "tenure and total_charges say nearly the same (correlation 0.83)",
         "detail": "Their single importances understate what they carry together."},
        {"level": "note", "title": "11 rows have no total_charges", "detail": "They are new customers with tenure 0; the median was put in."},
        {"level": "good", "title": "No row of the test part occurs among the training rows"}]}]},
    {"title": "Classification", "lead": "On the 1,409 rows held out.", "blocks": [{"figures": [
        figure("Receiver operating characteristic", {"lines": {"x": share("False positive rate"), "y": share("True positive rate"),
               "series": roc, "guides": [{"diagonal": {"label": "chance"}}], "shape": "square"}}),
        figure("Precision and recall", {"lines": {"x": share("Recall"), "y": share("Precision"), "series": pr, "shape": "square",
               "guides": [{"level": {"at": float(test_y.mean()), "label": f"base rate {test_y.mean():.1%}"}}]}}),
        figure("Calibration", {"calibration": {"curves": calibration, "scores": bins(best, 20, (0, 1))}},
               "Predicted probabilities can be taken at their word: most intervals hold the diagonal."),
        figure("Confusion matrix", {"confusion": {"classes": ["No", "Yes"], "counts": confusion.tolist()}}, "At a threshold of 0.50."),
        figure("Scores by class", {"histogram": {"x": shares, "mark": [0.5, "threshold"], "groups": [
            {"name": "No", "bins": bins(best[test_y == 0], 20, (0, 1))}, {"name": "Yes", "bins": bins(best[test_y == 1], 20, (0, 1))}]}}),
        figure("Cumulated gains", {"lines": {"x": share("Share of customers, best scores first"), "y": share("Share of churners found"),
               "series": gains, "guides": [{"diagonal": {"label": "in random order"}}], "shape": "square"}}),
        figure("Lift", {"lines": {"x": share("Share of customers, best scores first"), "y": axis("Lift", ends=(0, None)), "series": lift,
               "guides": [{"level": {"at": 1.0, "label": "random order"}}]}}),
        figure("Folds", {"folds": {"axis": axis("ROC AUC"), "rows": [{"name": k, "scores": short(v)} for k, v in crossed.items()]}},
               "10 folds; box: middle half, stroke: mean."),
        figure("Slices", {"bars": {"axis": axis("ROC AUC"), "form": "dot", "bars": slices,
               "reference": [float(roc_auc_score(test_y, best)), "all rows"]}})]}]},
    {"title": "Explanation", "blocks": [{"figures": [
        figure("Permutation importance", {"bars": {"axis": axis("Loss of ROC AUC"), "bars": importances, "most": 15}}, "8 repeats; whiskers: one deviation."),
        figure("Contributions", {"beeswarm": {"axis": axis("Contribution to log odds"), "features": swarms}}, "500 rows of the test part; categories are grey."),
        figure("Dependence on tenure", {"dependence": dependence}, "Thin lines: single customers; band: the middle 80 %."),
        figure("Dependence on contract", {"dependence": contract})]}]},
    {"title": "Regression", "lead": "Prices of 1,172 houses in Ames, by another run.", "blocks": [{"figures": [
        figure("Predicted and actual", {"scatter": {"x": axis("Predicted price, dollars"), "y": axis("Actual price, dollars"), "shape": "square",
               "groups": [{"name": "", "points": points(predicted, price_test)}], "guides": [{"diagonal": {"label": "predicted = actual"}}]}},
               f"R² = {r2_score(price_test, predicted):.3f}"),
        figure("Residuals", {"scatter": {"x": axis("Predicted price, dollars"), "y": axis("Actual − predicted, dollars"),
               "groups": [{"name": "", "points": points(predicted, residuals)}], "guides": [{"level": {"at": 0.0, "label": ""}}]}}),
        figure("Residuals by size", {"histogram": {"x": axis("Actual − predicted, dollars"), "groups": [{"name": "", "bins": bins(residuals, 40)}]}}),
        figure("Correlations", {"heat_map": {"rows": list(correlated), "columns": list(correlated), "values": [short(r, 3) for r in correlated.to_numpy()]}}),
        figure("Backtest", {"lines": backtest})]}]},
    {"title": "Search", "blocks": [{"figures": [
        figure("Settings", {"parallel": {"axes": [{"number": axis("learning_rate", "log")}, {"number": axis("leaves")}, {"number": axis("rounds")},
               {"words": {"label": "trees", "words": ["usual", "extra"]}}], "score": axis("ROC AUC"), "trials": settings}}, "40 trials; the best in orange."),
        figure("Time against quality", {"pareto": {"x": {"axis": axis("Seconds", "log"), "better": "lower"}, "y": {"axis": axis("ROC AUC"), "better": "higher"}, "trials": trials}})]}]},
    {"title": "Data", "lead": "7,043 customers, 20 columns.", "blocks": [{"columns": describe(telco, "churn")}]},
    {"title": "Lineage", "lead": "What was done, and with what.", "blocks": [
        {"figures": [figure("Tasks", {"dag": {"tasks": [
            {"name": "ingest", "state": "cached", "seconds": 0.031},
            {"name": "split", "needs": ["ingest"], "state": "done", "seconds": 0.002},
            {"name": "features", "needs": ["ingest", "split"], "state": "done", "seconds": 0.018},
            {"name": "train", "needs": ["features"], "state": "done", "seconds": 0.094},
            {"name": "evaluate", "needs": ["ingest", "split", "train"], "state": "failed", "seconds": 0.41, "note": "recall 0.56 is below 0.60"},
            {"name": "register", "needs": ["train", "evaluate"], "state": "skipped"}]}})]},
        {"facts": [{"name": "source", "value": {"code": "customers.csv"}}, {"name": "rows", "value": {"count": 7043}},
                   {"name": "size", "value": {"bytes": 977501}},
                   {"name": "data", "value": {"code": "blake3:5c0e4a51b8f04d1f9f0c8a77"}}, {"name": "package", "value": {"code": "blake3:91d7e3a2c6b15f08"}}]},
        {"table": {"columns": ["file", "purpose", "size"], "rows": [
            [{"code": "model.safetensors"}, {"text": "coefficients"}, {"bytes": 1432}],
            [{"code": "pipeline.json"}, {"text": "fitted steps"}, {"bytes": 18231}]]}}]},
    {"title": "Parameters", "blocks": [{"code": (
        "name: churn\nseed: 42\ndata:\n  source: customers.csv\n  target: churn\n  positive: \"Yes\"\n  split: {test: 0.2, stratify: true}\n"
        "features:\n  - impute: {columns: numeric, strategy: median}\n  - standardize: {columns: numeric}\n  - one_hot: {columns: categorical}\n"
        "model:\n  logistic_regression: {c: 1.0}\nevaluate:\n  require: {roc_auc: 0.80, recall: 0.60}\n")}]},
    {"title": "Environment", "blocks": [{"facts": [
        {"name": "scikit-learn", "value": {"code": sklearn.__version__}}, {"name": "LightGBM", "value": {"code": lightgbm.__version__}},
        {"name": "numpy", "value": {"code": np.__version__}}, {"name": "seed", "value": {"count": 42}},
        {"name": "threads", "value": {"count": 2}}, {"name": "peak memory", "value": {"bytes": 48_300_032}}]}]},
]
auc, brier = roc_auc_score(test_y, best), brier_score_loss(test_y, best)
report = {
    "title": "churn", "kind": "Run report",
    "summary": "Logistic regression on 7,043 customers. The gate refused it: recall is below 0.60.",
    "headlines": [
        {"name": "ROC AUC, test", "value": {"number": float(auc)}, "note": f"folds {cv['test_roc_auc'].mean():.4f} ± {cv['test_roc_auc'].std(ddof=1):.4f}"},
        {"name": "Recall, test", "value": {"number": float(recall_score(test_y, answers))}, "note": "required: at least 0.60"},
        {"name": "Brier score", "value": {"number": float(brier)}, "note": f"base rate alone: {test_y.mean() * (1 - test_y.mean()):.4f}"},
        {"name": "Lift in the first tenth", "value": {"number": float(np.mean(test_y[np.argsort(-best)[:141]]) / test_y.mean())}}],
    "facts": [
        {"name": "run", "value": {"code": "7f3a9c1be24d"}}, {"name": "began", "value": {"moment": 1764075600000000}},
        {"name": "took", "value": {"seconds": 0.574}}, {"name": "target", "value": {"code": "churn"}},
        {"name": "positives", "value": {"share": float(churned.mean())}}, {"name": "rows", "value": {"count": len(telco)}},
        {"name": "file", "value": {"code": "pipeline.yaml"}}, {"name": "model", "value": {"code": "logistic_regression"}}],
    "sections": sections,
}
json.dump(report, sys.stdout, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
print(file=sys.stdout)
print(f"took {time.time() - started:.0f} s", file=sys.stderr)
