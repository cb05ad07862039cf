-- A person's word after the drawdown circuit breaker: the drawdown is measured from equity again. said_by names the user.
CREATE TABLE peak_rebases (
  seq BIGINT NOT NULL, at_ms BIGINT NOT NULL, said_by VARCHAR NOT NULL, peak_before DOUBLE NOT NULL,
  drawdown_before DOUBLE NOT NULL, equity DOUBLE NOT NULL
);
