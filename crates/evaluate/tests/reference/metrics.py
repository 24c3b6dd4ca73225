"""Writes metrics.json: small made-up answers and what scikit-learn says of them.

    python3 metrics.py > metrics.json
"""
import json
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

warnings.simplefilter("error")
random = np.random.default_rng(7)


def rounded(values, digits=4):
    return np.round(values, digits)


def averages(truth, predicted, scores, average):
    suffix = {"binary": ""}.get(average, "_" + average)
    for name, value in [
        ("precision", lambda **k: m.precision_score(truth, predicted, zero_division=0, **k)),
        ("recall", lambda **k: m.recall_score(truth, predicted, **k)),
        ("f1", lambda **k: m.f1_score(truth, predicted, **k)),
        ("f2", lambda **k: m.fbeta_score(truth, predicted, beta=2, **k)),
        ("f0_5", lambda **k: m.fbeta_score(truth, predicted, beta=0.5, **k)),
        ("jaccard", lambda **k: m.jaccard_score(truth, predicted, **k)),
    ]:
        scores[name + suffix] = value(average=average)
        if average == "macro" and name not in scores:
            scores[name] = scores[name + suffix]


def calibration(truth, probabilities, bins=15):
    """No scikit-learn function has these: the formula of Guo et al., written with numpy."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    place = np.clip(np.ceil(confidence * bins), 1, bins)
    expected, maximum = 0.0, 0.0
    for b in range(1, bins + 1):
        own = place == b
        if own.any():
            gap = abs(right[own].mean() - confidence[own].mean())
            expected, maximum = expected + own.mean() * gap, max(maximum, gap)
    return expected, maximum


def classes(count, rows):
    truth = random.integers(0, count, rows)
    raw = random.random((rows, count)) + 0.6 * np.eye(count)[truth]
    probabilities = rounded(raw / raw.sum(axis=1, keepdims=True), 2)
    probabilities[:, -1] = rounded(1 - probabilities[:, :-1].sum(axis=1), 2)
    predicted = probabilities.argmax(axis=1)
    table = m.multilabel_confusion_matrix(truth, predicted)
    tn, fp, fn = table[:, 0, 0], table[:, 0, 1], table[:, 1, 0]
    scores = {
        "accuracy": m.accuracy_score(truth, predicted),
        "balanced_accuracy": m.balanced_accuracy_score(truth, predicted),
        "balanced_accuracy_adjusted": m.balanced_accuracy_score(truth, predicted, adjusted=True),
        "zero_one_loss": m.zero_one_loss(truth, predicted),
        "hamming_loss": m.hamming_loss(truth, predicted),
        "matthews_correlation": m.matthews_corrcoef(truth, predicted),
        "cohen_kappa": m.cohen_kappa_score(truth, predicted),
        "cohen_kappa_linear": m.cohen_kappa_score(truth, predicted, weights="linear"),
        "cohen_kappa_quadratic": m.cohen_kappa_score(truth, predicted, weights="quadratic"),
        "log_loss": m.log_loss(truth, probabilities),
        "d2_log_loss": m.d2_log_loss_score(truth, probabilities),
        "specificity_macro": (tn / (tn + fp)).mean(),
        "negative_predictive_value_macro": (tn / (tn + fn)).mean(),
    }
    scores["expected_calibration_error"], scores["maximum_calibration_error"] = calibration(
        truth, probabilities
    )
    for average in ["macro", "micro", "weighted"]:
        averages(truth, predicted, scores, average)
    one_hot = np.eye(count)[truth]
    for average, suffix in [("macro", "_macro"), ("weighted", "_weighted")]:
        scores["average_precision" + suffix] = m.average_precision_score(
            one_hot, probabilities, average=average
        )
    if count == 2:
        positive = probabilities[:, 1]
        averages(truth, predicted, scores, "binary")
        precision, recall, _ = m.precision_recall_curve(truth, positive)
        fpr, tpr, _ = m.roc_curve(truth, positive)
        scores |= {
            "specificity": (tn / (tn + fp))[1],
            "negative_predictive_value": (tn / (tn + fn))[1],
            "roc_auc": m.roc_auc_score(truth, positive),
            "gini": 2 * m.roc_auc_score(truth, positive) - 1,
            "ks": np.abs(tpr - fpr).max(),
            "average_precision": m.average_precision_score(truth, positive),
            "pr_auc": m.auc(recall, precision),
            "brier": m.brier_score_loss(truth, positive),
            "d2_brier": m.d2_brier_score(truth, positive),
            "hinge": m.hinge_loss(truth, 2 * positive - 1),
        }
    else:
        scores |= {
            "roc_auc": m.roc_auc_score(truth, probabilities, multi_class="ovr"),
            "roc_auc_ovr": m.roc_auc_score(truth, probabilities, multi_class="ovr"),
            "roc_auc_ovr_weighted": m.roc_auc_score(
                truth, probabilities, multi_class="ovr", average="weighted"
            ),
            "roc_auc_ovo": m.roc_auc_score(truth, probabilities, multi_class="ovo"),
            "roc_auc_ovo_weighted": m.roc_auc_score(
                truth, probabilities, multi_class="ovo", average="weighted"
            ),
            "average_precision": scores["average_precision_macro"],
            "brier": m.brier_score_loss(truth, probabilities),
            "d2_brier": m.d2_brier_score(truth, probabilities),
            "hinge": m.hinge_loss(truth, probabilities),
        }
        for k in [2, 3]:
            # Ties are broken otherwise there, so every probability is moved apart by its order.
            apart = probabilities - 1e-9 * np.arange(count)
            scores[f"top_{k}_accuracy"] = m.top_k_accuracy_score(truth, apart, k=k)
    return {
        "truth": truth.tolist(),
        "probabilities": probabilities.T.tolist(),
        "predicted": predicted.tolist(),
        "scores": {name: float(value) for name, value in scores.items()},
    }


def numbers(rows):
    truth = rounded(random.gamma(2, 3, rows), 2)
    predicted = rounded(truth * random.uniform(0.5, 1.6, rows) + 0.1, 2)
    error = truth - predicted
    scores = {
        "rmse": m.root_mean_squared_error(truth, predicted),
        "mse": m.mean_squared_error(truth, predicted),
        "mae": m.mean_absolute_error(truth, predicted),
        "max_error": m.max_error(truth, predicted),
        "mean_bias": abs(error.mean()),
        "median_absolute_error": m.median_absolute_error(truth, predicted),
        "r2": m.r2_score(truth, predicted),
        "explained_variance": m.explained_variance_score(truth, predicted),
        "mape": m.mean_absolute_percentage_error(truth, predicted),
        "smape": (2 * np.abs(error) / (np.abs(truth) + np.abs(predicted))).mean(),
        "wape": np.abs(error).sum() / np.abs(truth).sum(),
        "msle": m.mean_squared_log_error(truth, predicted),
        "rmsle": m.root_mean_squared_log_error(truth, predicted),
        "pinball_10": m.mean_pinball_loss(truth, predicted, alpha=0.1),
        "pinball_50": m.mean_pinball_loss(truth, predicted, alpha=0.5),
        "pinball_90": m.mean_pinball_loss(truth, predicted, alpha=0.9),
        "d2_absolute_error": m.d2_absolute_error_score(truth, predicted),
        "mean_poisson_deviance": m.mean_poisson_deviance(truth, predicted),
        "mean_gamma_deviance": m.mean_gamma_deviance(truth, predicted),
        "mean_tweedie_deviance": m.mean_tweedie_deviance(truth, predicted, power=1.5),
        "d2_poisson": m.d2_tweedie_score(truth, predicted, power=1),
        "d2_gamma": m.d2_tweedie_score(truth, predicted, power=2),
        "d2_tweedie": m.d2_tweedie_score(truth, predicted, power=1.5),
    }
    functions = {
        "d2_pinball 0.9": m.d2_pinball_score(truth, predicted, alpha=0.9),
        "tweedie 0": m.mean_tweedie_deviance(truth, predicted, power=0),
        "tweedie 3": m.mean_tweedie_deviance(truth, predicted, power=3),
        "tweedie -1": m.mean_tweedie_deviance(truth, predicted, power=-1),
    }
    return {
        "truth": truth.tolist(),
        "predicted": predicted.tolist(),
        "scores": {name: float(value) for name, value in scores.items()},
        "functions": {name: float(value) for name, value in functions.items()},
    }


def clusters(rows):
    first = random.integers(0, 4, rows)
    second = np.where(random.random(rows) < 0.7, (first * 2) % 5, random.integers(0, 5, rows))
    points = rounded(random.normal(0, 1, (rows, 3)) + 1.5 * first[:, None], 3)
    return {
        "first": first.tolist(),
        "second": second.tolist(),
        "points": points.T.tolist(),
        "scores": {
            "silhouette": float(m.silhouette_score(points, first)),
            "calinski_harabasz": float(m.calinski_harabasz_score(points, first)),
            "davies_bouldin": float(m.davies_bouldin_score(points, first)),
        },
        "labelings": {
            "rand_index": float(m.rand_score(first, second)),
            "adjusted_rand_index": float(m.adjusted_rand_score(first, second)),
            "fowlkes_mallows": float(m.fowlkes_mallows_score(first, second)),
            "mutual_information": float(m.mutual_info_score(first, second)),
            "normalized_mutual_information": float(m.normalized_mutual_info_score(first, second)),
            "adjusted_mutual_information": float(m.adjusted_mutual_info_score(first, second)),
            "homogeneity": float(m.homogeneity_score(first, second)),
            "completeness": float(m.completeness_score(first, second)),
            "v_measure": float(m.v_measure_score(first, second)),
        },
    }


print(
    json.dumps(
        {
            "origin": f"scikit-learn {sklearn.__version__}",
            "two": classes(2, 60),
            "four": classes(4, 80),
            "numbers": numbers(60),
            "clusters": clusters(70),
        }
    )
)
