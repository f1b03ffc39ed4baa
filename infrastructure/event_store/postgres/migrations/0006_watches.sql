-- What a watch has rung for, and for whom: a row a watch, changed as a whole, each time by whoever read it last.
CREATE TABLE watches (
    name text   NOT NULL,
    turn bigint NOT NULL,
    body text   NOT NULL,
    CONSTRAINT watches_pkey PRIMARY KEY (name)
);
