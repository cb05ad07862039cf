-- What the limits of the whole account look at. Null in rows of a version that did not have them.
ALTER TABLE decisions ADD COLUMN input_cash DOUBLE;
ALTER TABLE decisions ADD COLUMN input_day_start_equity DOUBLE;
ALTER TABLE decisions ADD COLUMN input_day_low_equity DOUBLE;
ALTER TABLE decisions ADD COLUMN input_other_exposure DOUBLE;
ALTER TABLE decisions ADD COLUMN input_correlated_exposure DOUBLE;
ALTER TABLE decisions ADD COLUMN input_losing_trades BIGINT;
ALTER TABLE decisions ADD COLUMN input_bars_since_loss BIGINT;
ALTER TABLE decisions ADD COLUMN account_day_ms BIGINT;
ALTER TABLE decisions ADD COLUMN account_day_start_equity DOUBLE;
ALTER TABLE decisions ADD COLUMN account_day_low_equity DOUBLE;

CREATE OR REPLACE VIEW risk_decisions AS
  SELECT exchange, symbol, timeframe, open_ms, decided_at_ms, COLUMNS('^risk_.*'), COLUMNS('^input_.*')
  FROM decisions WHERE risk_side IS NOT NULL OR risk_reason IS NOT NULL;
