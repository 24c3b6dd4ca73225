-- What came with a line of a model's history, such as the comparison of two versions, as JSON.
ALTER TABLE model_events ADD COLUMN detail TEXT;

-- What was found of versions while they answered. `value` is missing where there was none; `detail` is JSON.
CREATE TABLE findings (
    model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    version BIGINT NOT NULL,
    what TEXT NOT NULL,
    name TEXT NOT NULL,
    value DOUBLE PRECISION,
    threshold DOUBLE PRECISION,
    alarm BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    began BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    at BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (model, number)
);

CREATE INDEX findings_by_age ON findings (at);

-- Where the retraining loop of a model stands. `state` is JSON; `revision` counts its steps from 1.
CREATE TABLE loops (
    model TEXT NOT NULL PRIMARY KEY REFERENCES models (name) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX labels_of_model_by_age ON labels (model, at);
