-- What MLflow's clients know of models beside what a pipeline registers.
ALTER TABLE model_versions ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
ALTER TABLE model_versions ADD COLUMN stage TEXT NOT NULL DEFAULT 'None';
ALTER TABLE model_versions ADD COLUMN source TEXT;
ALTER TABLE model_versions ADD COLUMN run_link TEXT;
ALTER TABLE model_versions ADD COLUMN model_id TEXT;
ALTER TABLE model_versions ADD COLUMN status_message TEXT;
ALTER TABLE model_versions ADD COLUMN gate TEXT NOT NULL DEFAULT 'none';
ALTER TABLE model_versions ADD COLUMN who TEXT NOT NULL DEFAULT '';
UPDATE model_versions SET updated = created;

CREATE INDEX model_versions_by_update ON model_versions (updated);
CREATE INDEX models_by_update ON models (updated);

ALTER TABLE model_events ADD COLUMN stage TEXT;

-- `approvals` is a JSON list of the ways in which a move of the alias is approved; one is enough.
CREATE TABLE alias_rules (
    model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    alias TEXT NOT NULL,
    approvals TEXT NOT NULL,
    PRIMARY KEY (model, alias)
);

-- source_run_id is only a word here, as in model_versions.
CREATE TABLE logged_models (
    id TEXT NOT NULL PRIMARY KEY,
    experiment_id BIGINT NOT NULL REFERENCES experiments (id),
    name TEXT NOT NULL,
    model_type TEXT,
    source_run_id TEXT,
    status TEXT NOT NULL,
    status_message TEXT,
    lifecycle TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

CREATE INDEX logged_models_by_experiment ON logged_models (experiment_id, created);
CREATE INDEX logged_models_by_run ON logged_models (source_run_id);

CREATE TABLE logged_model_tags (
    model_id TEXT NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model_id, key)
);

CREATE TABLE logged_model_params (
    model_id TEXT NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model_id, key)
);

CREATE TABLE webhooks (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    secret TEXT,
    status TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

CREATE TABLE webhook_events (
    webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (webhook_id, position)
);

CREATE INDEX webhooks_by_event ON webhook_events (event);

-- A token itself is never kept, only what it hashes to.
CREATE TABLE tokens (
    name TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT,
    used BIGINT,
    revoked BIGINT
);

CREATE TABLE roles (
    token TEXT NOT NULL REFERENCES tokens (name) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    level TEXT NOT NULL,
    PRIMARY KEY (token, kind, name)
);

CREATE TABLE audit (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    origin TEXT NOT NULL,
    did TEXT NOT NULL,
    thing TEXT NOT NULL,
    outcome TEXT NOT NULL
);

CREATE INDEX audit_by_moment ON audit (at);
