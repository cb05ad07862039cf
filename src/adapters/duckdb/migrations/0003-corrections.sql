-- What an exchange said of a bar after it had closed and been stored. The candle itself stays as it was known when it was
-- decided on. Of the same correction seen again only the first is kept.
CREATE TABLE corrections (
  exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, open_ms BIGINT NOT NULL,
  stored_open DOUBLE NOT NULL, stored_high DOUBLE NOT NULL, stored_low DOUBLE NOT NULL, stored_close DOUBLE NOT NULL,
  stored_volume DOUBLE NOT NULL,
  open DOUBLE NOT NULL, high DOUBLE NOT NULL, low DOUBLE NOT NULL, close DOUBLE NOT NULL, volume DOUBLE NOT NULL,
  at_ms BIGINT NOT NULL
);
