-- Money that came to the account or left it by another way than a fill. Key: exchange, kind, flow_id. kind: opening (what
-- the account held when it was first seen), deposit, withdrawal. amount is signed.
CREATE TABLE capital_flows (
  seq BIGINT NOT NULL, exchange VARCHAR NOT NULL, flow_id VARCHAR NOT NULL, kind VARCHAR NOT NULL,
  currency VARCHAR NOT NULL, amount DECIMAL(38, 18) NOT NULL, at_ms BIGINT NOT NULL
);
