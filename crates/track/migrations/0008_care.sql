-- Since when a run is put away; nothing for one that was put away before this was kept.
ALTER TABLE runs ADD COLUMN deleted BIGINT;

CREATE INDEX runs_put_away ON runs (deleted) WHERE lifecycle = 'deleted';

-- The greatest number of a kind of thing that was given and forgotten, so that none is given twice.
CREATE TABLE forgotten_numbers (
    what TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL
);

-- What happened to models where no server could tell webhooks of it. A row goes when one takes it up.
CREATE TABLE untold (
    number BIGINT NOT NULL PRIMARY KEY,
    event TEXT NOT NULL,
    model TEXT NOT NULL,
    version BIGINT,
    alias TEXT,
    at BIGINT NOT NULL
);
