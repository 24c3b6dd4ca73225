"""The shortest programs that users of scikit-learn and pandas would write for benches/encoders.py."""
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path(__file__).resolve().parents[3] / "shared/data"
ASKED = 50


def transformer(kind, settings):
    from sklearn import preprocessing
    from sklearn.feature_extraction import text
    ngrams = tuple(settings.get("ngrams", (1, 1)))
    analyzer = settings.get("analyzer", "word")
    if kind == "tfidf":
        return text.TfidfVectorizer(ngram_range=ngrams, analyzer=analyzer)
    if kind == "count_words":
        return text.CountVectorizer(ngram_range=ngrams, analyzer=analyzer, min_df=settings["min_frequency"])
    if kind == "hash_text":
        return text.HashingVectorizer(n_features=settings["features"], ngram_range=ngrams)
    if kind == "target_encode":
        return preprocessing.TargetEncoder()
    if kind == "one_hot":
        return preprocessing.OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    return preprocessing.OrdinalEncoder()


def windowed(kind, settings, rows):
    """What lags and rolling figures cost in pandas, rows sorted first."""
    name, group, order = settings["columns"], settings["group"], settings["order"]
    rows = rows.sort_values([group, order], kind="stable")
    groups = rows.groupby(group)[name]
    if kind == "lag":
        return pd.DataFrame({lag: groups.shift(lag) for lag in settings["lags"]}).sort_index()
    rolling = groups.rolling(settings["window"], min_periods=1)
    made = {f: getattr(rolling, f)().reset_index(0, drop=True) for f in settings["functions"]}
    return pd.DataFrame(made).sort_index()


def measure(fit, apply, row):
    times = []
    for act, count in [(fit, 1), (apply, 1), (row, ASKED)]:
        start = time.perf_counter()
        for _ in range(count):
            made = act()
        times.append((time.perf_counter() - start) / count)
    columns = made.shape[1]
    print(json.dumps({"fit": times[0], "apply": times[1], "row": times[2] * 1e6, "columns": columns}))


def main(file, columns, kind, settings, times):
    table = pd.read_csv(DATA / file)
    settings, times = json.loads(settings), int(times)
    table = pd.concat([table] * times, ignore_index=True)
    names = columns.split(",")
    if kind in ("rolling", "lag"):
        rows = table[names]
        act = lambda: windowed(kind, settings, rows)
        measure(act, act, lambda: windowed(kind, settings, rows.head(1)))
        return
    rows = table[names[0]].tolist() if names == ["text"] else table[names]
    target = np.asarray(table["churn"] == "Yes") if "churn" in table else None
    one = rows[:1]
    step = transformer(kind, settings)
    measure(lambda: step.fit_transform(rows, target), lambda: step.transform(rows), lambda: step.transform(one))


if __name__ == "__main__":
    main(*sys.argv[1:])
