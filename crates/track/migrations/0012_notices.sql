-- Up to which line of a model's history an address was told. `target` is a hash of the address.
CREATE TABLE notices (
    model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
    target TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (model, target)
);

-- The line of the model's history that webhooks are still to be told of.
ALTER TABLE untold ADD COLUMN line BIGINT;
