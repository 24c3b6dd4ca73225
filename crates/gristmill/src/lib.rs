//! Pipelines from data to a registered model: the library's face.
