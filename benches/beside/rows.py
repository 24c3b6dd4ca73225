"""Rows that both sides learn from, and how each side sees them."""
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GRISTMILL_DATA", ROOT.parent / "shared/data"))


@dataclass(frozen=True)
class Rows:
    """Columns (numbers, categories and texts, or one sparse matrix), the target, and for each row
    the fold that it is tested in."""

    columns: pd.DataFrame | sparse.csr_matrix
    target: np.ndarray | None
    folds: np.ndarray

    @property
    def count(self):
        return self.columns.shape[0]

    @property
    def classes(self):
        return self.target is not None and self.target.dtype.kind in "iu"

    def sample(self, count):
        """So many rows, drawn; all of them where there are no more."""
        if count >= self.count:
            return self
        chosen = np.sort(np.random.default_rng(0).choice(self.count, count, replace=False))
        columns = self.columns.iloc[chosen] if isinstance(self.columns, pd.DataFrame) else self.columns[chosen]
        target = None if self.target is None else self.target[chosen]
        return Rows(columns, target, self.folds[chosen])

    def without_target(self):
        return replace(self, target=None)

    def words(self):
        """The columns of categories only."""
        return replace(self, columns=self.columns.select_dtypes("category"))

    def numbers(self):
        """The columns of numbers only."""
        return replace(self, columns=self.columns.select_dtypes("number"))

    def plain(self, most=30):
        """One table of numbers of mean 0 and deviation 1 for models that know nothing else: medians
        for missing numbers, a column for each category of columns of at most `most`. Made once of
        all rows, for both sides alike."""
        table = self.columns
        numbers = table.select_dtypes("number")
        numbers = numbers.fillna(numbers.median()).astype("float64")
        words = table.select_dtypes("category")
        few = [name for name in words if words[name].nunique() <= most]
        table = pd.concat([numbers, *(pd.get_dummies(words[name], name, dtype="float64") for name in few)], axis=1)
        spread = table.std(ddof=0)
        table = (table - table.mean())[spread.index[spread > 0]] / spread[spread > 0]
        return replace(self, columns=table)

    def for_peer(self):
        """What the peer is given: an array of numbers, a list of texts, a sparse matrix, or a table
        with categories."""
        if sparse.issparse(self.columns):
            return self.columns
        kinds = set(self.columns.dtypes.map(lambda kind: kind.name))
        if "category" in kinds:
            return self.columns
        if "float64" not in kinds:
            return self.columns.iloc[:, 0].to_numpy(dtype=object)
        return np.ascontiguousarray(self.columns.to_numpy())

    def codes(self):
        """Categories as numbers, for peers that know no categories."""
        words = self.columns.select_dtypes("category").columns
        table = self.columns.assign(**{word: self.columns[word].cat.codes for word in words})
        return np.ascontiguousarray(table.to_numpy(dtype="float64"))


def tail(count):
    """The last fifth of the rows is the test."""
    return (np.arange(count) >= count * 4 // 5).astype(int)


def table(columns, target, folds=None):
    """Rows whose words are categories; every number is a 64-bit float."""
    words = columns.select_dtypes(exclude="number").columns
    columns = columns.astype({name: "category" if name in words else "float64" for name in columns})
    return Rows(columns.reset_index(drop=True), target, tail(len(columns)) if folds is None else folds)


def array(values, target=None):
    return table(pd.DataFrame(values, columns=[f"x{at}" for at in range(values.shape[1])]), target)


def flights():
    """Is a flight of nycflights13 more than 15 minutes late on arrival? Of what is known before it
    leaves; `tailnum` is left out, since scikit-learn's boosting takes at most 255 categories."""
    found = pd.read_parquet(DATA / "nycflights13.parquet")
    found = found[found.arr_delay.notna()].sample(frac=1.0, random_state=0)
    known = ["month", "day", "sched_dep_time", "sched_arr_time", "carrier", "flight", "origin",
             "dest", "distance", "hour", "minute"]
    return table(found[known], (found.arr_delay > 15).to_numpy(dtype=int))


def generated():
    """200,000 rows of 20 numbers, the last four of them also in ten categories each."""
    from sklearn.datasets import make_classification

    values, target = make_classification(200_000, 20, n_informative=8, n_redundant=4, random_state=0)
    return array(values, target)


def in_tenths(rows):
    """Each column as ten categories."""
    cut = {name: pd.qcut(rows.columns[name], 10, labels=[f"category {at}" for at in range(10)])
           for name in rows.columns}
    return replace(rows, columns=pd.DataFrame(cut))


def with_numbers(rows):
    """A number to predict: a weighted sum of the columns of numbers, and as much noise."""
    rng = np.random.default_rng(0)
    signal = rows.columns.to_numpy() @ rng.normal(size=rows.columns.shape[1])
    return replace(rows, target=signal / signal.std() + rng.normal(size=rows.count))


def delays(rows):
    """How late a flight of [`flights`] is, in minutes, at most three hours."""
    found = pd.read_parquet(DATA / "nycflights13.parquet", columns=["arr_delay"])
    found = found[found.arr_delay.notna()].sample(frac=1.0, random_state=0)
    return replace(rows, target=found.arr_delay.clip(-60, 180).to_numpy(dtype=float))


def classes(count, columns, kinds=2):
    from sklearn.datasets import make_classification

    values, target = make_classification(count, columns, n_informative=columns // 2, n_classes=kinds,
                                         random_state=7)
    return array((values - values.mean(0)) / values.std(0), target)


def numbers(count, columns):
    from sklearn.datasets import make_regression

    values, target = make_regression(count, columns, n_informative=columns // 2, noise=10.0, random_state=7)
    return array((values - values.mean(0)) / values.std(0), target)


def counts(count, columns):
    rows = numbers(count, columns)
    rate = np.exp(rows.target / rows.target.std() * 0.5)
    return replace(rows, target=np.random.default_rng(7).poisson(rate).astype(float))


def blobs(count, columns, centers):
    from sklearn.datasets import make_blobs

    return array(make_blobs(count, columns, centers=centers, cluster_std=3.0, random_state=0)[0])


def zipf(count=10_000, columns=30_000, each=60):
    """Sparse rows of words as frequent as Zipf's law has them, of length 1, and two classes."""
    rng = np.random.default_rng(7)
    chances = 1.0 / np.arange(1, columns + 1)
    drawn = rng.choice(columns, size=(count, each), p=chances / chances.sum())
    places = np.repeat(np.arange(count), each)
    values = sparse.csr_matrix((np.ones(count * each), (places, drawn.ravel())), (count, columns))
    values = sparse.csr_matrix(sparse.diags(1.0 / np.sqrt(values.multiply(values).sum(axis=1).A1)) @ values)
    return Rows(values, (values @ rng.normal(size=columns) > 0).astype(int), tail(count))


def movies():
    """Sentences about films, for or against."""
    found = pd.read_csv(DATA / "movie_snippets.csv").sample(frac=1.0, random_state=0)
    columns = found[["text"]].reset_index(drop=True).astype(object)
    return Rows(columns, (found.label == "positive").to_numpy(dtype=int), tail(len(found)))


def telco(times=1):
    found = pd.concat([pd.read_csv(DATA / "telco.csv").sample(frac=1.0, random_state=0)] * times)
    return table(found.drop(columns="churn"), (found.churn == "Yes").to_numpy(dtype=int))


def shuttle():
    found = pd.read_csv(DATA / "shuttle.csv").sample(frac=1.0, random_state=0)
    return table(found.drop(columns="Class"), found.Class.astype("category").cat.codes.to_numpy(dtype=int))


def ames():
    """The logarithm of the price of a house. "No such feature" is a category of its own."""
    found = pd.read_csv(DATA / "ames.csv").sample(frac=1.0, random_state=0)
    target = np.log(found.price.to_numpy(dtype=float))
    found = found.drop(columns=["Order", "PID", "price"])
    words = found.select_dtypes(exclude="number").columns
    return table(found.assign(**{name: found[name].fillna("none") for name in words}), target)


def engines():
    """Will a turbofan fail within 30 cycles? Sensor 11 now and over the last 5 and 30 cycles; an
    engine is in one fold only."""
    found = pd.read_csv(DATA / "cmapss_fd001_s11.csv").sort_values(["unit", "cycle"])
    made = found[["cycle", "s_11"]].copy()
    for window in (5, 30):
        rolling = found.groupby("unit").s_11.rolling(window, min_periods=1)
        made[f"mean_{window}"] = rolling.mean().to_numpy()
        made[f"deviation_{window}"] = rolling.std().fillna(0.0).to_numpy()
    units = np.random.default_rng(0).permutation(found.unit.max())
    return table(made, (found.rul <= 30).to_numpy(dtype=int), units[found.unit.to_numpy() - 1] % 5)


def cycles(times=20):
    """Sensor 11 of turbofans cycle by cycle, often repeated as other engines."""
    found = pd.read_csv(DATA / "cmapss_fd001_s11.csv")[["unit", "cycle", "s_11"]]
    many = pd.concat([found.assign(unit=found.unit + 1_000 * again) for again in range(times)])
    return table(many, None)


def traffic():
    """Cars an hour, of the time and the weather."""
    found = pd.read_csv(DATA / "metro_traffic.csv", keep_default_na=False, parse_dates=["date_time"])
    found = found.sample(frac=1.0, random_state=0)
    time = found.date_time.dt
    made = found[["holiday", "temp", "rain_1h", "snow_1h", "clouds_all", "weather_main"]].assign(
        hour=time.hour, weekday=time.day_name(), month=time.month, year=time.year)
    return table(made, found.traffic_volume.to_numpy(dtype=float))
