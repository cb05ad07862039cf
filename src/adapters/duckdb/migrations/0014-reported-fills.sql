-- Whether the owner has been told of a fill. Those of before were, as far as anybody knows.
ALTER TABLE fills ADD COLUMN reported BOOLEAN;
UPDATE fills SET reported = true;
