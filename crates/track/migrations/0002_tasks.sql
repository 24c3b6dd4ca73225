-- What a task waits for and what it gave, so that a run can be resumed from its records.
-- Lists and facts are JSON; `within` names the task that spread this one out.
ALTER TABLE tasks ADD COLUMN needs TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tasks ADD COLUMN facts TEXT NOT NULL DEFAULT 'null';
ALTER TABLE tasks ADD COLUMN output TEXT;
ALTER TABLE tasks ADD COLUMN notes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tasks ADD COLUMN within TEXT;

CREATE INDEX tasks_by_position ON tasks (run_id, position);
