"""The classic flow in pandas and scikit-learn, on all cores."""
import sys

import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

table = pd.read_csv(sys.argv[1])
train, test = train_test_split(table, test_size=0.2, random_state=42)
model = make_pipeline(
    StandardScaler(), PCA(5), RandomForestClassifier(n_estimators=100, random_state=42, n_jobs=-1)
)
model.fit(train.drop(columns="label"), train["label"])
predicted = model.predict(test.drop(columns="label"))
print(f"Accuracy: {accuracy_score(test['label'], predicted):.4f}")
