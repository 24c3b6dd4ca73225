-- What MLflow's clients say of experiments and runs.
ALTER TABLE experiments ADD COLUMN artifact_location TEXT;
ALTER TABLE runs ADD COLUMN user_id TEXT;
ALTER TABLE runs ADD COLUMN artifact_location TEXT;

CREATE TABLE datasets (
    experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source TEXT NOT NULL,
    columns TEXT,
    profile TEXT,
    PRIMARY KEY (experiment_id, name, digest)
);

CREATE TABLE run_datasets (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    experiment_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    tags TEXT NOT NULL,
    context TEXT,
    PRIMARY KEY (run_id, name, digest),
    FOREIGN KEY (experiment_id, name, digest) REFERENCES datasets (experiment_id, name, digest)
);

CREATE INDEX run_datasets_by_dataset ON run_datasets (experiment_id, name, digest);

-- model_id is only a word here: a run remembers a logged model that was forgotten.
CREATE TABLE run_models (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    model_id TEXT NOT NULL,
    step BIGINT NOT NULL,
    PRIMARY KEY (run_id, role, model_id, step)
);

CREATE INDEX run_models_by_model ON run_models (model_id);

-- Values that were logged with the id of a model; they stand among the run's metrics as well.
CREATE TABLE model_metrics (
    model_id TEXT NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    step BIGINT NOT NULL,
    at BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    is_nan BIGINT NOT NULL,
    dataset_name TEXT,
    dataset_digest TEXT,
    PRIMARY KEY (model_id, run_id, key, step, at, value, is_nan)
);

-- Files beside the artifacts of runs, by their path below the root of all artifacts.
CREATE TABLE files (
    path TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    size BIGINT NOT NULL
);

CREATE INDEX files_by_hash ON files (hash);

-- Searches that are sorted by a metric.
CREATE INDEX latest_metrics_by_value ON latest_metrics (key, value, is_nan, run_id);
