"""The same customers answered by FastAPI: with scikit-learn, or with ONNX Runtime on the exported pipeline.

    serving_peer.py train CSV FOLDER       fits, and writes pipeline.joblib and pipeline.onnx
    uvicorn beside.serving_peer:app        answers POST /predict; SERVING_PEER is FOLDER, SERVING_KIND the runtime
"""
import os
import sys
from pathlib import Path

NUMBERS = ["tenure", "monthly_charges", "total_charges"]


def train(source, folder):
    import joblib
    import pandas as pd
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    table = pd.read_csv(source)
    rows = table.drop(columns="churn")
    words = [name for name in rows if name not in NUMBERS]
    rows[words] = rows[words].astype(str)
    pipeline = make_pipeline(
        ColumnTransformer([("numbers", SimpleImputer(strategy="median"), NUMBERS),
                           ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words)]),
        HistGradientBoostingClassifier(max_iter=150, learning_rate=0.05, max_leaf_nodes=12, random_state=1))
    pipeline.fit(rows, table["churn"])
    joblib.dump((list(rows), words, pipeline), folder / "pipeline.joblib")
    kinds = [(name, (FloatTensorType if name in NUMBERS else StringTensorType)([None, 1])) for name in rows]
    model = to_onnx(pipeline, initial_types=kinds, options={"zipmap": False})
    (folder / "pipeline.onnx").write_bytes(model.SerializeToString())


def application():
    import joblib
    import numpy as np
    from fastapi import FastAPI, Request
    from fastapi.responses import ORJSONResponse

    folder = Path(os.environ["SERVING_PEER"])
    columns, words, pipeline = joblib.load(folder / "pipeline.joblib")
    app = FastAPI(default_response_class=ORJSONResponse)
    if os.environ["SERVING_KIND"] == "onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(folder / "pipeline.onnx", options)

        def answer(rows):
            feed = {name: np.array([[row[name]] for row in rows],
                                   dtype=np.float32 if name in NUMBERS else object) for name in columns}
            labels, probabilities = session.run(None, feed)
            return labels, probabilities
    else:
        import pandas as pd

        def answer(rows):
            table = pd.DataFrame(rows, columns=columns)
            probabilities = pipeline.predict_proba(table)
            return pipeline.classes_[probabilities.argmax(axis=1)], probabilities

    @app.post("/predict")
    async def predict(request: Request):
        import orjson

        rows = orjson.loads(await request.body())["rows"]
        labels, probabilities = answer(rows)
        return {"prediction": labels.tolist(), "probability": probabilities[:, 1].tolist()}

    return app


if __name__ == "__main__":
    train(sys.argv[2], Path(sys.argv[3]))
elif "SERVING_PEER" in os.environ:
    app = application()
