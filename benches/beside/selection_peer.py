"""scikit-learn's GridSearchCV on the telco data: `selection_peer.py CSV linear|boosting`, as JSON."""
import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

GRIDS = {
    "linear": (LogisticRegression(max_iter=1000),
               {"C": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0]}),
    "boosting": (HistGradientBoostingClassifier(max_iter=100, early_stopping=False),
                 {"learning_rate": [0.03, 0.1, 0.3], "max_leaf_nodes": [7, 15, 31]}),
}


def main():
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    rows = pd.read_csv(sys.argv[1])
    target = (rows.pop("churn") == "Yes").astype(int)
    rows["senior_citizen"] = rows["senior_citizen"].astype(str)
    numbers = rows.select_dtypes("number").columns
    words = [name for name in rows.columns if name not in set(numbers)]
    before = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ("words", OneHotEncoder(drop="if_binary", sparse_output=False, handle_unknown="ignore"), words),
    ])
    model, grid = GRIDS[sys.argv[2]]
    train, test, known, asked = train_test_split(rows, target, test_size=0.2, stratify=target, random_state=42)
    name = type(model).__name__.lower()
    search = GridSearchCV(make_pipeline(before, model), {f"{name}__{key}": v for key, v in grid.items()},
                          scoring="roc_auc", n_jobs=-1, cv=StratifiedKFold(5, shuffle=True, random_state=42))
    begun = time.perf_counter()
    search.fit(train, known)
    done = time.perf_counter()
    print(json.dumps({
        "whole": done - start, "search": done - begun, "cv": search.best_score_,
        "mean": float(np.mean(search.cv_results_["mean_test_score"])),
        "test": roc_auc_score(asked, search.predict_proba(test)[:, 1]),
    }))


if __name__ == "__main__":
    main()
