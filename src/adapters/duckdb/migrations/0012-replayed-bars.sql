-- Bars that only the journal told of, while what had come before them was missing: after a restore, or where the database was
-- lost. With a decision it came back whole, and its features and signal cannot be recomputed; without one it is only known that
-- it was acted on.
CREATE TABLE replayed_bars (exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, open_ms BIGINT NOT NULL);
