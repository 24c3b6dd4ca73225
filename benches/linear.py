"""Linear models and support vector machines against scikit-learn, on the same rows.

Each round fits one model here and one there, in turn, so that a busy machine slows both; the ratio
is that of the medians. Reading the rows is not timed on either side.

    cargo build --release -p gristmill-models --example linear_bench
    python3 benches/linear.py [CASE ...] [--rounds N]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, PoissonRegressor, Ridge
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BENCH = TARGET / "release" / "examples" / "linear_bench"


def classes(rows, columns, count=2):
    x, y = make_classification(
        rows, columns, n_informative=columns // 2, n_classes=count, random_state=7
    )
    return StandardScaler().fit_transform(x), y


def numbers(rows, columns):
    x, y = make_regression(rows, columns, n_informative=columns // 2, noise=10.0, random_state=7)
    return StandardScaler().fit_transform(x), y


def words(rows=10_000, columns=30_000, each=60):
    """Rows of words as frequent as Zipf's law has them, weighted to length 1."""
    rng = np.random.default_rng(7)
    chances = 1.0 / np.arange(1, columns + 1)
    drawn = rng.choice(columns, size=(rows, each), p=chances / chances.sum())
    places = np.repeat(np.arange(rows), each)
    x = sparse.csr_matrix((np.ones(rows * each), (places, drawn.ravel())), (rows, columns))
    x = sparse.diags(1.0 / np.sqrt(x.multiply(x).sum(axis=1).A1)) @ x
    y = (x @ rng.normal(size=columns) > 0).astype(int)
    return sparse.csr_matrix(x), y


def counts(rows, columns):
    x, y = numbers(rows, columns)
    return x, np.random.default_rng(7).poisson(np.exp(y / y.std() * 0.5)).astype(float)


CASES = {
    "ridge": (lambda: numbers(200_000, 50), "ridge", {}, Ridge()),
    "lasso": (lambda: numbers(100_000, 50), "lasso", {"alpha": 0.1}, Lasso(alpha=0.1)),
    "elastic_net": (
        lambda: numbers(2_000, 2_000),
        "elastic_net",
        {"alpha": 1.0},
        ElasticNet(alpha=1.0),
    ),
    "logistic": (lambda: classes(200_000, 50), "logistic_regression", {}, LogisticRegression()),
    "logistic_5": (
        lambda: classes(50_000, 50, 5),
        "logistic_regression",
        {},
        LogisticRegression(),
    ),
    "logistic_l1": (
        lambda: classes(20_000, 50),
        "logistic_regression",
        {"penalty": "l1", "c": 0.1},
        LogisticRegression(l1_ratio=1.0, C=0.1, solver="saga"),
    ),
    "logistic_words": (words, "logistic_regression", {}, LogisticRegression()),
    "ridge_words": (words, "ridge", {}, Ridge()),
    "linear_svm": (lambda: classes(100_000, 50), "linear_svm", {}, LinearSVC()),
    "linear_svm_words": (words, "linear_svm", {}, LinearSVC()),
    "hinge": (
        lambda: classes(20_000, 20),
        "linear_svm",
        {"loss": "hinge", "c": 0.01},
        LinearSVC(loss="hinge", C=0.01),
    ),
    "poisson": (lambda: counts(100_000, 50), "poisson_regression", {}, PoissonRegressor()),
    "svm": (lambda: classes(10_000, 20), "svm", {}, SVC()),
    "svm_5": (lambda: classes(10_000, 20, 5), "svm", {}, SVC()),
    "svm_numbers": (lambda: numbers(10_000, 20), "svm", {"C": 100.0}, SVR(C=100.0)),
    "gaussian": (lambda: classes(200_000, 50), "gaussian_naive_bayes", {}, GaussianNB()),
    "multinomial_words": (words, "multinomial_naive_bayes", {}, MultinomialNB()),
}


def write(folder, x, y):
    """Rows, columns, whether sparse; then the numbers, in the byte order of this machine."""
    kind = "sparse" if sparse.issparse(x) else "dense"
    task = "classes" if y.dtype.kind in "iu" else "numbers"
    (folder / "head").write_text(f"{x.shape[0]} {x.shape[1]} {kind} {task}")
    if kind == "sparse":
        columns = x.tocsc()
        columns.sort_indices()
        columns.indptr.astype("<u8").tofile(folder / "starts")
        columns.indices.astype("<u4").tofile(folder / "rows")
        columns.data.astype("<f8").tofile(folder / "values")
    else:
        np.asfortranarray(x).ravel(order="K").astype("<f8").tofile(folder / "values")
    y.astype("<f8").tofile(folder / "answers")


def here(folder, name, settings):
    told = subprocess.run(
        [BENCH, folder, name, json.dumps(settings)], check=True, capture_output=True, text=True
    )
    return json.loads(told.stdout)


def there(estimator, x, y):
    start = time.perf_counter()
    estimator.fit(x, y)
    fitted = time.perf_counter()
    answers = estimator.predict(x)
    done = time.perf_counter()
    score = np.mean(answers == y) if y.dtype.kind in "iu" else np.mean((answers - y) ** 2)
    return {"fit": fitted - start, "predict": done - fitted, "score": float(score)}


def run(name, rounds):
    make, kind, settings, estimator = CASES[name]
    x, y = make()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), x, y)
        pairs = [(here(folder, kind, settings), there(estimator, x, y)) for _ in range(rounds)]
    ours, theirs = zip(*pairs)
    middle = lambda told, what: statistics.median(t[what] for t in told)
    line = f"{name:18}"
    for what in ("fit", "predict"):
        a, b = middle(ours, what), middle(theirs, what)
        line += f" {what} {a:8.3f} s, scikit-learn {b:8.3f} s, {b / a:6.2f}x;"
    print(f"{line} score {ours[0]['score']:.6g} and {theirs[0]['score']:.6g}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    arguments = sys.argv[1:]
    rounds = 5
    if "--rounds" in arguments:
        at = arguments.index("--rounds")
        rounds = int(arguments[at + 1])
        del arguments[at : at + 2]
    for name in arguments or CASES:
        run(name, rounds)
