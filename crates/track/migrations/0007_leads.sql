-- Where searches of many runs begin. Only the beginning of a text is kept, which may be long.
CREATE INDEX params_by_value ON params (key, substr(value, 1, 64));
CREATE INDEX run_tags_by_value ON run_tags (key, substr(value, 1, 64));
