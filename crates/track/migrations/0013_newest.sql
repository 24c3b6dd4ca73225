-- The newest runs of an experiment in the order in which lists show them, those that started together by their id.
DROP INDEX runs_by_experiment;
CREATE INDEX runs_by_experiment ON runs (experiment_id, started DESC, id);
