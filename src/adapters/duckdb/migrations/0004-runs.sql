-- Each start of the trader with the settings its decisions depend on, as JSON: without them no decision can be recomputed.
CREATE TABLE runs (
  seq BIGINT NOT NULL, at_ms BIGINT NOT NULL, settings VARCHAR NOT NULL
);
