-- What one unit of a fee's currency was worth in quote units on that day, where it is neither base nor quote. Null where it is
-- one of them, or no price was known when the fill became known.
ALTER TABLE fills ADD COLUMN fee_price DECIMAL(38, 18);
