-- Why the box's own gate denied an order; market_closed also where it was the exchange that said so. Null otherwise.
-- Earlier versions called these rejected, as they did what was never placed: only the message says which it was.
ALTER TABLE order_events ADD COLUMN reason VARCHAR;

UPDATE order_events SET reason = nullif(regexp_extract(message, '^(?:refused as it was about to leave: )?(no_permit|price_stale|notional_cap|price_collar|order_rate|stop_rests|exit_in_flight|stop_not_protective|exchange_filter|market_closed|state_reducing|state_halted|symbol_unknown)(?:: |$)', 1), '')
  WHERE status = 'rejected';
UPDATE order_events SET status = 'denied' WHERE reason IS NOT NULL;
UPDATE order_events SET status = 'never_placed'
  WHERE status = 'rejected' AND regexp_matches(message, '^not found twice at the exchange$|^the connection ended before the order was written$|^\S+ answered 4(?:18|29): nothing is asked of it for another \d+ s$|: ccxt would send |^ccxt cannot place ');

CREATE OR REPLACE VIEW orders AS
  SELECT * FROM order_events QUALIFY row_number() OVER (PARTITION BY client_order_id ORDER BY seq DESC) = 1;
