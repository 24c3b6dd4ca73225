"""Asks a server of Gristmill by the clients of other projects, and holds the answers against `predict`'s."""
import asyncio
import json
import sys

import numpy as np

with open(sys.argv[1]) as file:
    asked = json.load(file)
url, rows, expected = asked["url"], asked["rows"], asked["expected"]
host = url.removeprefix("http://")
words = [row["prediction"] for row in expected]
probabilities = [[row["probability_No"], row["probability_Yes"]] for row in expected]


def columns(metadata):
    """Each column with its datatype and values."""
    for column in metadata["inputs"]:
        name, datatype = column["name"], column["datatype"]
        values = [row[name] for row in rows]
        if datatype == "BYTES":
            yield name, datatype, np.array([str(value) for value in values], dtype=object)
        elif datatype == "FP64":
            yield name, datatype, np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        else:
            yield name, datatype, np.array(values, dtype={"INT64": np.int64, "BOOL": bool}[datatype])


def triton():
    from tritonclient import http

    client = http.InferenceServerClient(host)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("churn")
    assert client.get_server_metadata()["name"] == "gristmill"
    metadata = client.get_model_metadata("churn")
    assert metadata["versions"] == ["1"], metadata
    for binary in (True, False):
        inputs = []
        for name, datatype, values in columns(metadata):
            tensor = http.InferInput(name, [len(rows)], datatype)
            tensor.set_data_from_numpy(values, binary_data=binary)
            inputs.append(tensor)
        outputs = [http.InferRequestedOutput(name, binary_data=binary) for name in ("prediction", "probabilities")]
        result = client.infer("churn", inputs, outputs=outputs, request_id="7")
        found = [word.decode() if isinstance(word, bytes) else word for word in result.as_numpy("prediction")]
        assert found == words, found
        assert result.as_numpy("probabilities").tolist() == probabilities
        assert result.get_response()["id"] == "7"


def triton_grpc():
    from tritonclient import grpc

    client = grpc.InferenceServerClient(host)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("churn")
    assert not client.is_model_ready("none")
    metadata = client.get_model_metadata("churn", as_json=True)
    assert metadata["platform"] == "gristmill", metadata
    inputs = []
    for name, datatype, values in columns(metadata):
        tensor = grpc.InferInput(name, [len(rows)], datatype)
        tensor.set_data_from_numpy(values)
        inputs.append(tensor)
    result = client.infer("churn", inputs, request_id="7")
    assert [word.decode() for word in result.as_numpy("prediction")] == words
    assert result.as_numpy("probabilities").tolist() == probabilities
    assert result.get_response().id == "7"
    try:
        client.infer("none", inputs)
        raise SystemExit("a model that is not there answered")
    except grpc.InferenceServerException as error:
        assert "there is no model `none`" in error.message(), error


def kserve():
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

    async def ask():
        client = InferenceRESTClient(RESTConfig(protocol="v2"))
        assert await client.is_server_ready(url) and await client.is_model_ready(url, "churn")
        from tritonclient import http

        metadata = http.InferenceServerClient(host).get_model_metadata("churn")
        inputs = []
        for name, datatype, values in columns(metadata):
            data = [None if isinstance(value, float) and np.isnan(value) else value for value in values.tolist()]
            inputs.append(InferInput(name, [len(rows)], datatype, data=data))
        result = await client.infer(url, InferRequest(model_name="churn", infer_inputs=inputs), model_name="churn")
        outputs = {output.name: output for output in result.outputs}
        assert list(outputs["prediction"].data) == words
        assert np.array(outputs["probabilities"].data).reshape(len(rows), 2).tolist() == probabilities

    asyncio.run(ask())


def mlflow():
    import pandas as pd
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    client = ScoringServerClient("127.0.0.1", host.rsplit(":", 1)[1])
    client.ping()
    answer = client.invoke(pd.DataFrame(rows))
    assert answer.get_predictions()[0].tolist() == words
    answer = client.invoke(pd.DataFrame(rows), params={"probabilities": True})
    found = answer.get_predictions()
    assert found["probability_Yes"].tolist() == [both[1] for both in probabilities]


def parquet():
    """Rows as Arrow writes them, however they are packed and typed."""
    import io
    import urllib.request

    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pylist(rows)
    number = table.schema.get_field_index("monthly_charges")
    text = table.schema.get_field_index("contract")
    whole = table.schema.get_field_index("tenure")
    narrow = table.set_column(whole, "tenure", table["tenure"].cast(pa.int8()))
    decimal = table.set_column(number, "monthly_charges", table["monthly_charges"].cast(pa.decimal128(7, 2)))
    coded = table.set_column(text, "contract", table["contract"].dictionary_encode())
    large = table.set_column(text, "contract", table["contract"].cast(pa.large_string()))
    forms = [(table, {"compression": packed}) for packed in ("none", "snappy", "gzip", "zstd")]
    forms += [(form, {}) for form in (narrow, decimal, coded, large)]
    forms += [(table, {"use_dictionary": False}), (table, {"row_group_size": 7}), (table, {"version": "1.0"})]
    forms += [(table, {"data_page_version": "2.0", "compression": "gzip"}), (table, {"write_page_index": True})]
    for kind in ("application/vnd.apache.parquet", "application/x-parquet"):
        for form, options in forms:
            body = io.BytesIO()
            parquet.write_table(form, body, **options)
            request = urllib.request.Request(f"{url}/invocations", body.getvalue(), {"Content-Type": kind})
            with urllib.request.urlopen(request) as response:
                assert json.load(response)["predictions"] == words, options


def broken_grpc():
    """Messages that are none are refused by their status."""
    import grpc

    channel = grpc.insecure_channel(host)
    call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    unknown = channel.unary_unary("/inference.GRPCInferenceService/ModelExplain")
    for method, message, code in (
        (call, b"\xff\xff\xff", "INVALID_ARGUMENT"),
        (call, b"\x0a\x05churn\x2a\x02\x0a\x01", "INVALID_ARGUMENT"),
        (call, b"\x0a\x05churn", "INVALID_ARGUMENT"),
        (call, b"", "NOT_FOUND"),
        (unknown, b"", "UNIMPLEMENTED"),
    ):
        try:
            method(message)
            raise SystemExit(f"{message} was answered")
        except grpc.RpcError as error:
            assert error.code().name == code and error.details(), (message, error)


# One client in a process: the messages of two of them have the same names.
{client.__name__: client for client in (triton, triton_grpc, kserve, mlflow, parquet, broken_grpc)}[sys.argv[2]]()
