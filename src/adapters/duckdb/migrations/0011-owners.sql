-- Whose the database is: the box by its name, and whose money it counts. The last row counts; a later one than the first is
-- of a restore from another box.
CREATE TABLE owners (at_ms BIGINT NOT NULL, box VARCHAR NOT NULL, account VARCHAR NOT NULL);
