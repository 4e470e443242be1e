-- What a clinician acts on.
CREATE TABLE signal (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject      integer NOT NULL REFERENCES subject,
    rule         text NOT NULL,
    rule_version smallint NOT NULL,
    episode      date NOT NULL,
    severity     smallint NOT NULL,
    period_start timestamptz NOT NULL,
    period_end   timestamptz NOT NULL,
    figures      jsonb NOT NULL,
    evidence     jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'new'
                 CHECK (state IN ('new', 'seen', 'in_hand', 'closed')),
    raised_at    timestamptz NOT NULL DEFAULT now(),
    changed_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (subject, rule, episode)
);
CREATE UNIQUE INDEX signal_one_open ON signal (subject, rule) WHERE state <> 'closed';

CREATE TABLE signal_event (
    signal bigint NOT NULL REFERENCES signal,
    at     timestamptz NOT NULL DEFAULT now(),
    who    text NOT NULL,
    state  text NOT NULL,
    reason text NOT NULL DEFAULT ''
);
CREATE INDEX signal_event_by_signal ON signal_event (signal, at);

CREATE TABLE summary (
    subject      integer NOT NULL REFERENCES subject,
    pathway      text NOT NULL,
    period_start date NOT NULL,
    period_end   date NOT NULL,
    figures      jsonb NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, pathway, period_start, period_end)
);

CREATE TABLE login (
    name          text PRIMARY KEY,
    password_hash text NOT NULL,
    role          text NOT NULL DEFAULT 'clinician',
    language      text NOT NULL DEFAULT 'fr'
);

-- Sessions live here so that they can be revoked; only the token's digest is kept.
CREATE TABLE web_session (
    token_digest bytea PRIMARY KEY,
    login        text NOT NULL REFERENCES login ON DELETE CASCADE,
    expires_at   timestamptz NOT NULL
);
