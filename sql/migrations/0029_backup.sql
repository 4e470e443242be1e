-- When a backup was made last: how old it is, is watched.
CREATE TABLE backup (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_at  timestamptz NOT NULL,
    bytes    bigint NOT NULL,
    readings bigint NOT NULL
);
GRANT SELECT ON backup TO balise_flows;
