-- Several devices for one metric of one patient: what is declared, which counts, what was found.

-- What a device is, where somebody said so: the key of a model, or a kind of device.
ALTER TABLE device ADD COLUMN model text NOT NULL DEFAULT '';

-- Which device is preferred for a patient. The newest row of a metric holds ('' is every metric); no
-- device takes it back. Rows are never changed: they are the history.
CREATE TABLE source_preference (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject,
    metric  text NOT NULL,
    device  integer REFERENCES device,
    who     text NOT NULL,
    why     text NOT NULL DEFAULT '',
    at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX source_preference_newest ON source_preference (subject, metric, id DESC);

-- Which devices count in a window that several have readings in. A device without a row counts.
CREATE TABLE source (
    subject integer NOT NULL,
    metric  text NOT NULL,
    day     date NOT NULL,
    device  integer NOT NULL,
    place   integer NOT NULL,
    n       integer NOT NULL,
    hours   integer NOT NULL,
    counts  boolean NOT NULL,
    reason  text NOT NULL,
    PRIMARY KEY (subject, metric, day, device),
    CHECK (counts = (reason = ''))
);

-- What was found of readings beside what their devices said, with the reading it is compared with.
-- The window is in the key: a reading that moved is found anew in its new one before the old is
-- written again.
CREATE TABLE finding (
    subject          integer NOT NULL,
    metric           text NOT NULL,
    day              date NOT NULL,
    series           integer NOT NULL,
    stamped_at       timestamptz NOT NULL,
    sequence         integer NOT NULL,
    kind             text NOT NULL,
    other_series     integer NOT NULL,
    other_stamped_at timestamptz NOT NULL,
    other_sequence   integer NOT NULL,
    PRIMARY KEY (subject, metric, day, series, stamped_at, sequence, kind)
);

-- Each device's last reading of a window, with which the next window's first is compared.
CREATE TABLE window_last (
    subject    integer NOT NULL,
    metric     text NOT NULL,
    day        date NOT NULL,
    device     integer NOT NULL,
    series     integer NOT NULL,
    stamped_at timestamptz NOT NULL,
    sequence   integer NOT NULL,
    taken_at   timestamptz NOT NULL,
    value      double precision NOT NULL,
    PRIMARY KEY (subject, metric, day, device)
);

-- Windows to recompute since a last reading before them is another now. A list that only grows
-- until it is worked off: who adds to it holds windows, and must wait for none.
CREATE TABLE window_recheck (
    subject integer NOT NULL,
    metric  text NOT NULL,
    day     date NOT NULL
);

-- What was summed of several devices so far is computed again.
UPDATE dirty_window SET generation = generation + 1, touched_at = now()
WHERE (subject, metric) IN (
    SELECT subject, metric FROM assignment JOIN series USING (device)
    GROUP BY subject, metric HAVING count(DISTINCT device) > 1
);
