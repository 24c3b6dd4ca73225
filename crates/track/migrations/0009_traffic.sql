-- How requests to a model are divided among its versions. `plan` is what was asked for, `test` the A/B
-- test that began with it; both are JSON.
CREATE TABLE traffic (
    model TEXT NOT NULL PRIMARY KEY REFERENCES models (name) ON DELETE CASCADE,
    plan TEXT NOT NULL,
    test TEXT
);

-- What became of requests that an A/B test divided, by the id of each. `test` is the number of the line
-- of the model's history by which the test began.
CREATE TABLE outcomes (
    model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    test BIGINT NOT NULL,
    id TEXT NOT NULL,
    arm TEXT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (model, test, id)
);
