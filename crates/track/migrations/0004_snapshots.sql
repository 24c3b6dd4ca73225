-- The texts of pipeline files that were deployed, each once under its hash, so that every home that
-- shares the database can run them.
CREATE TABLE snapshots (
    digest TEXT NOT NULL PRIMARY KEY,
    text TEXT NOT NULL,
    since BIGINT NOT NULL
);
