"""How good answers are: one program for both sides."""
import numpy as np
from scipy import sparse
from sklearn import metrics


def auc(truth, answers, _test):
    return metrics.roc_auc_score(truth, answers[:, 1])


def accuracy(truth, answers, _test):
    return float(np.mean(answers.argmax(axis=1) == truth))


def r2(truth, answers, _test):
    return metrics.r2_score(truth, answers[:, 0])


def inertia(_truth, answers, test):
    """The mean squared distance of the rows to the mean of their cluster, in deviations."""
    cluster = answers.argmax(axis=1) if answers.shape[1] > 1 else answers[:, 0].astype(int)
    values = test.to_numpy()
    sums = np.zeros((cluster.max() + 1, values.shape[1]))
    np.add.at(sums, cluster, values)
    means = sums / np.maximum(np.bincount(cluster), 1)[:, None]
    return float(((values - means[cluster]) ** 2).sum(axis=1).mean() / values.var(axis=0).sum())


def difference(ours, theirs):
    """The largest difference of transformed rows as a share of the largest number; the signs of
    components are free. Nothing where there is another number of columns."""
    if sparse.issparse(theirs):
        theirs = theirs.toarray() if theirs.shape[1] <= 1_000 else None
    if theirs is None or ours.shape != theirs.shape:
        return None
    both = np.isnan(ours) & np.isnan(theirs)
    ours, theirs = np.where(both, 0.0, ours), np.where(both, 0.0, theirs)
    gap = np.minimum(np.abs(ours - theirs).max(axis=0), np.abs(ours + theirs).max(axis=0))
    return float(gap.max() / max(np.abs(theirs).max(), 1e-300))
