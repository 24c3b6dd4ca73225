"""Every ONNX file in a folder, by ONNX's own checker, with the shapes that follow from its operators."""

import pathlib
import sys

import onnx

files = sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))
assert files, "there is no file"
for file in files:
    model = onnx.load(file)
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        sys.exit(f"{file.name}: {error}")
