-- What `up` runs by itself, who is at work on what, and what was said between processes.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
);

CREATE TABLE deployments (
    name TEXT NOT NULL PRIMARY KEY,
    folder TEXT NOT NULL,
    file TEXT NOT NULL,
    settings TEXT NOT NULL,
    digest TEXT NOT NULL,
    deployed BIGINT NOT NULL,
    undeployed BIGINT
);

-- run_id is only a word here: an occasion is claimed before its run is there, and remembered after
-- the run was purged. `closed` is 1 when nothing is left to do for it.
CREATE TABLE dues (
    deployment TEXT NOT NULL,
    trigger TEXT NOT NULL,
    key TEXT NOT NULL,
    due BIGINT NOT NULL,
    run_id TEXT NOT NULL,
    claimed BIGINT NOT NULL,
    payload TEXT NOT NULL,
    closed BIGINT NOT NULL,
    PRIMARY KEY (deployment, trigger, key)
);

CREATE INDEX dues_by_moment ON dues (deployment, due);
CREATE INDEX dues_by_run ON dues (run_id);
CREATE INDEX open_dues ON dues (due) WHERE closed = 0;

CREATE TABLE signals (
    number BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    at BIGINT NOT NULL
);
