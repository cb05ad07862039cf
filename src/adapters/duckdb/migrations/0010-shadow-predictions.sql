-- What a model that does not decide said of the bars that were decided on.
CREATE TABLE shadow_predictions (
  exchange VARCHAR NOT NULL, symbol VARCHAR NOT NULL, timeframe VARCHAR NOT NULL, open_ms BIGINT NOT NULL,
  probability_up DOUBLE NOT NULL, probability_up_calibrated DOUBLE NOT NULL, model_hash VARCHAR NOT NULL
);
