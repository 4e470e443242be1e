-- Windows to recompute. A mark is cleared only where its generation is still the one read, so
-- that late data, backfill, a crash and a double run are one case. The two stamps bound where in
-- `reading` the window's rows are, whatever the devices' clocks said.
CREATE TABLE dirty_window (
    subject      integer NOT NULL,
    metric       text NOT NULL,
    day          date NOT NULL,
    generation   bigint NOT NULL DEFAULT 1,
    done         bigint NOT NULL DEFAULT 0,
    stamped_from timestamptz NOT NULL,
    stamped_to   timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    touched_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, metric, day)
);
CREATE INDEX dirty_window_waiting ON dirty_window (touched_at) WHERE done < generation;

CREATE TABLE rollup (
    subject      integer NOT NULL,
    metric       text NOT NULL,
    size         text NOT NULL CHECK (size IN ('hour', 'day')),
    bucket_start timestamptz NOT NULL,
    day          date NOT NULL,
    n            integer NOT NULL,
    min          double precision NOT NULL,
    max          double precision NOT NULL,
    mean         double precision NOT NULL,
    median       double precision NOT NULL,
    sum          double precision NOT NULL,
    first        double precision NOT NULL,
    last         double precision NOT NULL,
    coverage     double precision NOT NULL
);
SELECT create_hypertable('rollup', by_range('bucket_start', INTERVAL '90 days'),
                         create_default_indexes => false);
CREATE UNIQUE INDEX rollup_key ON rollup (subject, metric, size, bucket_start);

-- Subjects whose rules and summaries are behind their rollups; cleared as windows are.
CREATE TABLE dirty_subject (
    subject    integer PRIMARY KEY,
    generation bigint NOT NULL DEFAULT 1,
    assessed   bigint NOT NULL DEFAULT 0,
    summarised bigint NOT NULL DEFAULT 0
);
