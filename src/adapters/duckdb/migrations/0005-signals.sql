-- What a signal looked at beside the prediction, and why it closes a position. signal_regime is 'unknown' where the filter was
-- on and too few candles were known; held_* are null when nothing was held.
ALTER TABLE decisions ADD COLUMN signal_cause VARCHAR;
ALTER TABLE decisions ADD COLUMN signal_regime VARCHAR;
ALTER TABLE decisions ADD COLUMN signal_held_units DOUBLE;
ALTER TABLE decisions ADD COLUMN signal_held_since_ms BIGINT;

CREATE OR REPLACE VIEW signals AS
  SELECT exchange, symbol, timeframe, open_ms, decided_at_ms, signal_direction AS direction, signal_reason AS no_signal_reason,
         signal_confidence AS confidence, signal_probability_win AS probability_win, signal_cause AS cause,
         signal_regime AS regime, signal_held_units AS held_units, signal_held_since_ms AS held_since_ms
  FROM decisions WHERE signal_direction IS NOT NULL OR signal_reason IS NOT NULL;
