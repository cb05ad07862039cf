-- The price at which a protective stop is triggered. Null for all other orders.
ALTER TABLE order_events ADD COLUMN trigger_price DECIMAL(38, 18);

CREATE OR REPLACE VIEW orders AS
  SELECT * FROM order_events QUALIFY row_number() OVER (PARTITION BY client_order_id ORDER BY seq DESC) = 1;
