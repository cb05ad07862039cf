-- The first schema. Times are UTC milliseconds; prices in quote units, volume and units in base units.
--
-- No table has a primary key or another index. DuckDB keeps an index (ART) in memory as a whole, which years of candles
-- would not leave a small box, and writes it anew at checkpoints. There is one writer, it takes one call at a time, and
-- it looks before it inserts: that is what keeps keys unique. Tables are append-only (but for alerts_outbox), so that a
-- checkpoint rewrites little of an SD card.

-- Key: exchange, symbol, timeframe, open_ms. available_at_ms: when the candle became known to the box.
CREATE TABLE candles (
  exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, open_ms BIGINT NOT NULL,
  open DOUBLE NOT NULL, high DOUBLE NOT NULL, low DOUBLE NOT NULL, close DOUBLE NOT NULL, volume DOUBLE NOT NULL,
  available_at_ms BIGINT NOT NULL
);

-- What one bar led to. Key as of candles. One row rather than one in each of predictions, signals, risk_decisions and
-- equity: it costs a third of the writing. Those names are views below.
CREATE TABLE decisions (
  exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, open_ms BIGINT NOT NULL,
  decided BOOLEAN NOT NULL, decided_at_ms BIGINT,
  features DOUBLE[10], -- in the order of feature set v1; an array, since the log of a list column repeats its earlier rows
  probability_up DOUBLE, probability_up_calibrated DOUBLE, model_hash VARCHAR,
  signal_direction VARCHAR, signal_reason VARCHAR, signal_confidence DOUBLE, signal_probability_win DOUBLE,
  risk_side VARCHAR, risk_units DOUBLE, risk_target_units DOUBLE, risk_position_fraction DOUBLE, risk_kelly_raw DOUBLE,
  risk_reason VARCHAR, risk_detail VARCHAR,
  input_equity DOUBLE, input_peak_equity DOUBLE, input_drawdown DOUBLE, input_position_units DOUBLE,
  input_bid DOUBLE, input_ask DOUBLE, input_quote_at_ms BIGINT, input_quote_source VARCHAR, input_state VARCHAR,
  input_average_win DOUBLE, input_average_loss DOUBLE, input_annual_volatility DOUBLE,
  account_at_ms BIGINT, account_equity DOUBLE, account_cash DOUBLE, account_peak_equity DOUBLE, account_drawdown DOUBLE,
  account_breaker_tripped BOOLEAN
);

-- What came of a prediction, once its horizon has passed. Key as of candles.
CREATE TABLE outcomes (
  exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, open_ms BIGINT NOT NULL, up BOOLEAN NOT NULL
);

-- Rows that ingestion refused. open_ms is null where the row's time was no whole number of milliseconds.
CREATE TABLE quarantine (
  exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, open_ms BIGINT,
  reason VARCHAR NOT NULL, raw VARCHAR NOT NULL, at_ms BIGINT NOT NULL
);

-- Holes in a stream; of rows with the same stream and from_ms the last counts.
CREATE TABLE gap_events (
  seq BIGINT NOT NULL, exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL,
  from_ms BIGINT NOT NULL, to_ms BIGINT NOT NULL, bars BIGINT NOT NULL, state VARCHAR NOT NULL, at_ms BIGINT NOT NULL
);

-- An order's life, docs/design.md. Amounts and prices are the exchange's decimal text, never through a binary float.
CREATE TABLE order_events (
  seq BIGINT NOT NULL, client_order_id VARCHAR NOT NULL, exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL,
  side VARCHAR NOT NULL, type VARCHAR NOT NULL, amount DECIMAL(38, 18) NOT NULL, limit_price DECIMAL(38, 18),
  bar_open_ms BIGINT NOT NULL, decision_price DOUBLE NOT NULL, reducing BOOLEAN NOT NULL,
  status VARCHAR NOT NULL, exchange_order_id VARCHAR, filled DECIMAL(38, 18) NOT NULL, average_price DECIMAL(38, 18),
  message VARCHAR, at_ms BIGINT NOT NULL
);

-- Key: exchange, symbol, fill_id (an exchange numbers trades symbol by symbol).
CREATE TABLE fills (
  seq BIGINT NOT NULL, exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL, fill_id VARCHAR NOT NULL,
  client_order_id VARCHAR NOT NULL, side VARCHAR NOT NULL, price DECIMAL(38, 18) NOT NULL, amount DECIMAL(38, 18) NOT NULL,
  fee DECIMAL(38, 18) NOT NULL, fee_currency VARCHAR NOT NULL, at_ms BIGINT NOT NULL
);

CREATE TABLE halts (
  seq BIGINT NOT NULL, at_ms BIGINT NOT NULL, state VARCHAR NOT NULL, cause VARCHAR NOT NULL, epoch BIGINT NOT NULL
);

CREATE TABLE health (
  at_ms BIGINT NOT NULL, layer VARCHAR NOT NULL, state VARCHAR NOT NULL, last_success_ms BIGINT, error_code VARCHAR,
  detail VARCHAR
);

-- Alerts that wait for delivery. Key: id. figures is JSON text.
CREATE TABLE alerts_outbox (
  seq BIGINT NOT NULL, id VARCHAR NOT NULL, code VARCHAR NOT NULL, severity VARCHAR NOT NULL, text VARCHAR NOT NULL,
  figures VARCHAR NOT NULL, at_ms BIGINT NOT NULL
);

CREATE TABLE models (
  seq BIGINT NOT NULL, model_hash VARCHAR NOT NULL, event VARCHAR NOT NULL, manifest VARCHAR NOT NULL, at_ms BIGINT NOT NULL
);

CREATE VIEW predictions AS
  SELECT d.exchange, d.symbol, d.timeframe, d.open_ms, d.decided_at_ms, d.features, d.probability_up,
         d.probability_up_calibrated, d.model_hash, o.up AS outcome_up
  FROM decisions d LEFT JOIN outcomes o USING (exchange, symbol, timeframe, open_ms)
  WHERE d.probability_up IS NOT NULL;

CREATE VIEW signals AS
  SELECT exchange, symbol, timeframe, open_ms, decided_at_ms, signal_direction AS direction, signal_reason AS no_signal_reason,
         signal_confidence AS confidence, signal_probability_win AS probability_win
  FROM decisions WHERE signal_direction IS NOT NULL OR signal_reason IS NOT NULL;

CREATE VIEW risk_decisions AS
  SELECT exchange, symbol, timeframe, open_ms, decided_at_ms, COLUMNS('^risk_.*'), COLUMNS('^input_.*')
  FROM decisions WHERE risk_side IS NOT NULL OR risk_reason IS NOT NULL;

CREATE VIEW equity AS
  SELECT account_at_ms AS at_ms, account_equity AS equity, account_cash AS cash, account_peak_equity AS peak_equity,
         account_drawdown AS drawdown, account_breaker_tripped AS breaker_tripped, exchange, symbol, timeframe, open_ms
  FROM decisions WHERE account_at_ms IS NOT NULL;

-- The last word on each order.
CREATE VIEW orders AS SELECT * FROM order_events QUALIFY row_number() OVER (PARTITION BY client_order_id ORDER BY seq DESC) = 1;

CREATE VIEW gaps AS
  SELECT * FROM gap_events
  QUALIFY row_number() OVER (PARTITION BY exchange, symbol, timeframe, from_ms ORDER BY seq DESC) = 1;

-- Signed units of base held as fills tell it; fees taken in base are not subtracted here.
CREATE VIEW positions AS
  SELECT exchange, symbol, sum(CASE side WHEN 'buy' THEN amount ELSE -amount END) AS units, max(at_ms) AS last_fill_ms
  FROM fills GROUP BY exchange, symbol;
