-- Times are microseconds since 1970-01-01T00:00:00Z. Flags are 0 and 1.
CREATE TABLE experiments (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    lifecycle TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

INSERT INTO experiments (id, name, lifecycle, created, updated) VALUES (0, 'Default', 'active', 0, 0);

CREATE TABLE experiment_tags (
    experiment_id BIGINT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (experiment_id, key)
);

CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    experiment_id BIGINT NOT NULL REFERENCES experiments (id),
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    started BIGINT NOT NULL,
    ended BIGINT,
    kind TEXT,
    pipeline TEXT,
    source TEXT,
    error TEXT,
    parent_id TEXT REFERENCES runs (id) ON DELETE SET NULL
);

CREATE INDEX runs_by_start ON runs (started);
CREATE INDEX runs_by_experiment ON runs (experiment_id, started);
CREATE INDEX runs_by_pipeline ON runs (pipeline, started);
CREATE INDEX runs_by_parent ON runs (parent_id);

CREATE TABLE params (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
);

-- A value that is not a number is stored as 0 with is_nan 1: SQLite has no NaN.
CREATE TABLE metrics (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    step BIGINT NOT NULL,
    at BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    is_nan BIGINT NOT NULL,
    PRIMARY KEY (run_id, key, step, at, value, is_nan)
);

CREATE TABLE latest_metrics (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    step BIGINT NOT NULL,
    at BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    is_nan BIGINT NOT NULL,
    PRIMARY KEY (run_id, key)
);

CREATE TABLE run_tags (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
);

CREATE TABLE tasks (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    position BIGINT NOT NULL,
    status TEXT NOT NULL,
    cached BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    started BIGINT,
    ended BIGINT,
    seconds DOUBLE PRECISION,
    cache_key TEXT,
    inputs TEXT NOT NULL,
    reason TEXT,
    error TEXT,
    PRIMARY KEY (run_id, name)
);

CREATE TABLE artifacts (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (run_id, path)
);

CREATE INDEX artifacts_by_hash ON artifacts (hash);

-- last_version outlives a deleted version, so that no number is used twice.
CREATE TABLE models (
    name TEXT NOT NULL PRIMARY KEY,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    description TEXT NOT NULL,
    last_version BIGINT NOT NULL
);

CREATE TABLE model_tags (
    model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, key)
);

-- run_id is only a word here: a version remembers its run after the run was purged.
CREATE TABLE model_versions (
    model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    run_id TEXT,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    metrics TEXT NOT NULL,
    created BIGINT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    PRIMARY KEY (model, version)
);

CREATE INDEX model_versions_by_run ON model_versions (run_id);

CREATE TABLE model_version_tags (
    model TEXT NOT NULL,
    version BIGINT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model, version, key),
    FOREIGN KEY (model, version) REFERENCES model_versions (model, version) ON DELETE CASCADE
);

CREATE TABLE model_aliases (
    model TEXT NOT NULL,
    alias TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (model, alias),
    FOREIGN KEY (model, version) REFERENCES model_versions (model, version) ON DELETE CASCADE
);

CREATE TABLE model_events (
    model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    what TEXT NOT NULL,
    version BIGINT,
    alias TEXT,
    previous BIGINT,
    run_id TEXT,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (model, number)
);
