"""MLflow's own client sending and fetching files in pieces.

Usage: pieces.py OURS [TOKEN]. It says what is wrong by an assertion.
"""

import os
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ["MLFLOW_TRACKING_URI"] = sys.argv[1]
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "true"
os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = "0"
os.environ["MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE"] = "100000"
os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD"] = "true"
os.environ["MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE"] = "70000"
if len(sys.argv) > 2:
    os.environ["MLFLOW_TRACKING_TOKEN"] = sys.argv[2]

import mlflow
import requests
from mlflow import MlflowClient
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

# Which requests went without the client's own credentials, to addresses that it was given.
SENT = []
PUT = requests.put


def counted(url, **more):
    SENT.append(url)
    return PUT(url, **more)


requests.put = counted


def main():
    client = MlflowClient()
    run = client.create_run("0").info.run_id
    files = {
        "large.bin": bytes(n * n % 251 for n in range(1_234_567)),
        "just.bin": b"x" * 200_000,
        "größe 1.txt": b"small",
        "empty": b"",
    }
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/up")
        for name, content in files.items():
            with open(f"{folder}/up/{name}", "wb") as file:
                file.write(content)
        client.log_artifact(run, f"{folder}/up/large.bin")
        client.log_artifacts(run, f"{folder}/up", "deep/er")
        # 13 parts of the large file, twice; 2 of the next; 1 of the small one; none of the empty one.
        assert len(SENT) == 13 + 13 + 2 + 1, len(SENT)
        listed = {f.path: f.file_size for f in client.list_artifacts(run, "deep/er")}
        assert listed == {f"deep/er/{name}": len(content) for name, content in files.items()}, listed
        down = client.download_artifacts(run, "deep/er", folder)
        for name, content in files.items():
            with open(f"{down}/{name}", "rb") as file:
                assert file.read() == content, name
        with open(client.download_artifacts(run, "large.bin", folder), "rb") as file:
            assert file.read() == files["large.bin"]
        gives_up(client, run, f"{folder}/up/large.bin")
    print("pieces went and came")


def gives_up(client, run, file):
    """A part that does not arrive ends the upload, and nothing of it is kept."""
    whole = HttpArtifactRepository._upload_part

    def fails(credential, local_file, size, start_byte):
        if credential.part_number == 3:
            raise OSError("it was meant to")
        return whole(credential, local_file, size, start_byte)

    HttpArtifactRepository._upload_part = staticmethod(fails)
    try:
        client.log_artifact(run, file, "cut")
        raise AssertionError("a lost part was not noticed")
    except mlflow.MlflowException as error:
        assert "it was meant to" in str(error), error
    finally:
        HttpArtifactRepository._upload_part = staticmethod(whole)
    assert client.list_artifacts(run, "cut") == []


if __name__ == "__main__":
    main()
