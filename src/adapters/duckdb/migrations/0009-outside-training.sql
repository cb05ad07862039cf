-- Share of a row's features outside their range in the model's training. Null in rows of a version that did not look at it.
ALTER TABLE decisions ADD COLUMN input_outside_training DOUBLE;
-- The exchange the order goes to. Null in rows of such a version: the stream's own.
ALTER TABLE decisions ADD COLUMN input_exchange VARCHAR;

CREATE OR REPLACE VIEW risk_decisions AS
  SELECT exchange, symbol, timeframe, open_ms, decided_at_ms, COLUMNS('^risk_.*'), COLUMNS('^input_.*')
  FROM decisions WHERE risk_side IS NOT NULL OR risk_reason IS NOT NULL;
