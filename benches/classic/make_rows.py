"""Writes 200,000 rows of 20 numbers and a label as CSV."""
import sys

import pandas as pd
from sklearn.datasets import make_classification

features, label = make_classification(200_000, 20, n_informative=8, n_redundant=4, random_state=0)
table = pd.DataFrame(features, columns=[f"x{i}" for i in range(20)])
table["label"] = label
table.to_csv(sys.argv[1], index=False)
