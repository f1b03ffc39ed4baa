-- What a watch has rung for, and for whom: a row a watch, changed as a whole, each time by whoever read it last.
CREATE TABLE watches (
    name TEXT    NOT NULL PRIMARY KEY,
    turn INTEGER NOT NULL,
    body TEXT    NOT NULL
) STRICT;
