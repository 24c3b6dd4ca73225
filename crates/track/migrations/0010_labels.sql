-- What turned out to be true of predictions, by the id of each: of several labels of one id the latest.
CREATE TABLE labels (
    model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    id TEXT NOT NULL,
    label TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (model, id)
);

CREATE INDEX labels_by_age ON labels (at);
