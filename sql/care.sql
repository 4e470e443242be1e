-- take_dirty_to_assess --
-- Subjects whose rules are behind; a run beside this one takes others.
SELECT subject FROM dirty_subject WHERE assessed < generation AND may_be_tried(assess_failed_at)
ORDER BY subject LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- take_dirty_to_summarise --
-- Subjects whose summary is behind.
SELECT subject FROM dirty_subject WHERE summarised < generation AND may_be_tried(summarise_failed_at)
ORDER BY subject LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- assessed --
-- The marks were locked since they were read, so the generation is still the one read.
UPDATE dirty_subject SET assessed = generation, assessed_at = %(as_of)s, assess_failed_at = NULL
WHERE subject = ANY(%(subjects)s)

-- not_assessed --
-- For whom it failed is behind, also who had nothing new and is judged by the clock; but whom another
-- run has judged since.
INSERT INTO dirty_subject (subject, assess_failed_at)
SELECT one, now() FROM unnest(%(subjects)s::integer[]) AS one
ON CONFLICT (subject) DO UPDATE SET assess_failed_at = now(),
    assessed = least(dirty_subject.assessed, dirty_subject.generation - 1),
    assess_since = CASE WHEN dirty_subject.assessed = dirty_subject.generation
                        THEN now() ELSE dirty_subject.assess_since END
WHERE dirty_subject.assessed < dirty_subject.generation
   OR dirty_subject.assessed_at IS NULL OR dirty_subject.assessed_at <= %(as_of)s

-- summarised --
-- As for the rules.
UPDATE dirty_subject SET summarised = generation, summarise_failed_at = NULL
WHERE subject = ANY(%(subjects)s)

-- not_summarised --
-- For whom it failed; in the order in which everybody takes them.
UPDATE dirty_subject SET summarise_failed_at = now()
WHERE subject IN (SELECT subject FROM dirty_subject WHERE subject = ANY(%(subjects)s)
                  ORDER BY subject FOR UPDATE)

-- every_subject --
-- Silence needs no new reading to be judged.
SELECT id FROM subject WHERE pathway <> 'observation' ORDER BY id

-- subjects --
-- What judging a patient needs, without a name: the plan that holds, and the days of pauses.
SELECT subject.id, subject.time_zone, subject.pathway,
       coalesce((SELECT min(lower(during)) FROM assignment WHERE assignment.subject = subject.id),
                now()) AS enrolled_at,
       coalesce(plan.version, 0) AS version,
       CASE WHEN plan.pathway = subject.pathway THEN plan.content END AS content,
       away.first_days, away.last_days
FROM subject
LEFT JOIN LATERAL (SELECT version, content, pathway FROM plan WHERE plan.subject = subject.id
                   ORDER BY version DESC LIMIT 1) AS plan ON true
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(first_day ORDER BY first_day, last_day), '{}') AS first_days,
           coalesce(array_agg(last_day ORDER BY first_day, last_day), '{}') AS last_days
    FROM (
        SELECT first_day, last_day FROM pause
        WHERE pause.subject = subject.id AND withdrawn_at IS NULL
        UNION ALL
        -- Who has withdrawn their consent measures nothing, and is missed by nobody.
        SELECT (lower(part) AT TIME ZONE subject.time_zone)::date,
               coalesce((upper(part) AT TIME ZONE subject.time_zone)::date - 1, '9999-12-30')
        FROM unnest(withdrawn(subject.id)) AS part
    ) AS nothing_expected
) AS away
WHERE subject.id = ANY(%(subjects)s)
ORDER BY subject.id

-- last_days --
-- The last local day up to a moment's on which a patient has readings of some metrics.
SELECT metric, max(day) FROM dirty_window
WHERE subject = %(subject)s AND metric = ANY(%(metrics)s) AND last_at IS NOT NULL
  AND day <= %(today)s
GROUP BY metric

-- readings_for --
-- The readings of a patient's last days for some metrics, exact: those that count, as in the rollups.
-- A row a series, its columns packed end to end: of a strap that is worn all day a row a reading would
-- be millions. A value is its millionths, what the rules' own decimals hold.
WITH span AS (
    SELECT metric, min(stamped_from) AS stamped_from, max(stamped_to) AS stamped_to
    FROM dirty_window
    WHERE subject = %(subject)s AND metric = ANY(%(metrics)s) AND day >= %(since)s
    GROUP BY metric
)
SELECT series.metric, reading.series,
       string_agg(timestamptz_send(reading.taken_at), '') AS taken_at,
       string_agg(int8send((reading.value * 1000000)::bigint), '') AS value,
       string_agg(int8send(reading.quality), '') AS quality,
       string_agg(timestamptz_send(reading.stamped_at), '') AS stamped_at,
       string_agg(int4send(reading.sequence), '') AS sequence
FROM span
JOIN series ON series.metric = span.metric
           AND series.device IN (SELECT device FROM assignment WHERE subject = %(subject)s)
JOIN reading ON reading.series = series.id AND reading.subject = %(subject)s
            AND reading.stamped_at BETWEEN span.stamped_from AND span.stamped_to
CROSS JOIN LATERAL (
    SELECT (reading.taken_at AT TIME ZONE subject.time_zone)::date AS day
    FROM subject WHERE subject.id = %(subject)s
) AS local
WHERE reading.taken_at >= %(since)s::date - 1 AND reading.taken_at <= %(as_of)s
  AND NOT EXISTS (SELECT FROM source
                  WHERE source.subject = %(subject)s AND source.metric = span.metric
                    AND source.day = local.day AND source.device = series.device
                    AND NOT source.counts)
  AND NOT EXISTS (SELECT FROM finding
                  WHERE finding.subject = %(subject)s AND finding.metric = span.metric
                    AND finding.day = local.day AND finding.series = reading.series
                    AND finding.stamped_at = reading.stamped_at
                    AND finding.sequence = reading.sequence AND finding.kind = 'cross_source')
GROUP BY series.metric, reading.series

-- open_signal --
-- One signal a rule and episode: raised once, refreshed while its episode goes on. One that closed by
-- itself is raised again where the rule holds again; one that a clinician closed, where what it rests
-- on began after that, or where a figure is a step graver than as they closed it; and one that they have
-- seen where it is graver than what they saw. Who has it in hand is at it.
INSERT INTO signal (subject, rule, rule_version, episode, severity, grades, period_start, period_end,
                    figures, evidence)
VALUES (%(subject)s, %(rule)s, %(rule_version)s, %(episode)s, %(severity)s, %(grades)s,
        %(period_start)s, %(period_end)s, %(figures)s, %(evidence)s)
ON CONFLICT (subject, rule, episode) DO UPDATE
SET severity = excluded.severity, period_end = excluded.period_end,
    grades = signal.grades || excluded.grades,
    figures = excluded.figures, evidence = excluded.evidence, rule_version = excluded.rule_version,
    period_start = CASE WHEN signal.state = 'closed' THEN excluded.period_start
                        ELSE signal.period_start END,
    (state, raised_at, changed_at) = (
        SELECT CASE WHEN news THEN 'new' ELSE signal.state END,
               CASE WHEN news THEN now() ELSE signal.raised_at END,
               CASE WHEN news THEN now() ELSE signal.changed_at END
        FROM (SELECT signal.state = 'closed'
                     OR signal.state = 'seen' AND graver(signal.told, excluded.grades)) AS found(news))
WHERE signal.state <> 'closed' OR excluded.period_start > signal.changed_at
   OR excluded.severity > signal.severity OR graver(signal.told, excluded.grades)
   OR 'balise' = (SELECT who FROM signal_event
                  WHERE signal_event.signal = signal.id AND signal_event.state = 'closed'
                  ORDER BY at DESC LIMIT 1)
RETURNING id, raised_at = now() AS raised, CASE WHEN xmax = 0 THEN '' ELSE 'again' END AS reason

-- episode_of --
-- The episode that a run is of which began before the days that are looked at: the newest of the rule
-- that still held in them.
SELECT max(episode) FROM signal
WHERE subject = %(subject)s AND rule = %(rule)s AND episode <= %(since)s
  AND (state <> 'closed' OR period_end >= %(since)s::date)

-- close_signals --
-- Values came back, another episode began, or nothing is expected: it closes by itself, and says why.
WITH closed AS (
    UPDATE signal SET state = 'closed', changed_at = now()
    WHERE subject = %(subject)s AND rule = %(rule)s AND state <> 'closed'
      AND episode IS DISTINCT FROM %(episode)s
      -- What somebody has in hand they close themselves, unless it gives way to another episode.
      AND (state <> 'in_hand' OR %(episode)s::date IS NOT NULL)
    RETURNING id
)
INSERT INTO signal_event (signal, who, state, reason)
SELECT id, 'balise', 'closed', %(reason)s FROM closed
RETURNING signal

-- reopen --
-- A closed signal is taken in hand again, unless the rule has another one open.
UPDATE signal SET state = 'in_hand', changed_at = now()
WHERE id = %(signal)s AND subject = %(subject)s AND state = 'closed'
  AND NOT EXISTS (SELECT FROM signal AS other
                  WHERE other.subject = signal.subject AND other.rule = signal.rule
                    AND other.state <> 'closed')
RETURNING id

-- add_event --
-- Who did what to a signal.
INSERT INTO signal_event (signal, who, state, reason)
VALUES (%(signal)s, %(who)s, %(state)s, %(reason)s)

-- set_state --
-- A clinician's act on a signal; what somebody has in hand is not merely seen again.
UPDATE signal SET state = %(state)s, changed_at = now(), told = grades
WHERE id = %(signal)s AND subject = %(subject)s AND state NOT IN ('closed', %(state)s)
  AND NOT (state = 'in_hand' AND %(state)s = 'seen')
RETURNING id

-- put_summary --
-- The newest figures of a patient's pathway and period.
INSERT INTO summary (subject, pathway, period_start, period_end, figures, profile)
VALUES (%(subject)s, %(pathway)s, %(period_start)s, %(period_end)s, %(figures)s, %(profile)s)
ON CONFLICT (subject, pathway, period_start, period_end) DO UPDATE
SET figures = excluded.figures, profile = excluded.profile, made_at = now()

-- worklist_open --
-- A page of the followed patients with something open, and the worst of each: who needs attention and
-- why. What else a row says is looked up for the page alone: a LATERAL with a LIMIT reads fifty keys
-- where a join would read whole tables. The days seen are in order, so that the bucket of a day says
-- how many are up to it. Each row has the counts of `worklist_counts`, which would read it all again.
WITH open AS MATERIALIZED (
    SELECT worst.*, subject.code, subject.pathway, subject.time_zone,
           (%(level)s = 0 OR severity = %(level)s)
           AND (%(words)s::text[] = '{}'
                OR subject.id IN (
                    SELECT identity.subject FROM identity
                    JOIN subject AS named ON named.id = identity.subject
                    WHERE is_called(family, given, named.code, birth_date, %(words)s::text[])))
           AS named
    FROM (
        SELECT DISTINCT ON (subject) subject, id AS signal, rule, severity, figures, state,
               raised_at, count(*) OVER (PARTITION BY subject) AS open_signals
        FROM signal WHERE state <> 'closed'
        ORDER BY subject, severity DESC, state = 'new' DESC, raised_at
    ) AS worst
    JOIN subject ON subject.id = worst.subject AND subject.pathway <> 'observation'
)
SELECT page.subject, page.code, page.pathway, identity.family, identity.given,
       identity.birth_date, identity.phone, page.signal, page.rule, page.severity, page.figures,
       page.state, page.raised_at, acted.who AS acted_by, acted.at AS acted_at,
       seen.last_reading_at,
       coalesce(cardinality(seen.days_seen)
                - width_bucket((%(now)s AT TIME ZONE page.time_zone)::date - 7, seen.days_seen),
                0) AS days_of_7,
       page.open_signals, planned.planned,
       (SELECT count(*) FROM subject WHERE pathway <> 'observation') AS followed,
       (SELECT count(*) FROM open) AS to_see,
       (SELECT count(*) FROM open WHERE named) AS named
FROM (
    SELECT * FROM open WHERE named
    ORDER BY severity DESC, state = 'new' DESC, raised_at, subject
    LIMIT %(limit)s OFFSET %(start)s
) AS page
CROSS JOIN LATERAL (
    SELECT family, given, birth_date, phone FROM identity WHERE subject = page.subject LIMIT 1
) AS identity
CROSS JOIN LATERAL (
    SELECT coalesce((SELECT pathway = page.pathway FROM plan WHERE subject = page.subject
                     ORDER BY version DESC LIMIT 1), false) AS planned LIMIT 1
) AS planned
LEFT JOIN LATERAL (
    SELECT last_reading_at, days_seen FROM dirty_subject WHERE subject = page.subject LIMIT 1
) AS seen ON true
LEFT JOIN LATERAL (
    SELECT who, at FROM signal_event WHERE signal_event.signal = page.signal ORDER BY at DESC LIMIT 1
) AS acted ON page.state <> 'new'
ORDER BY page.severity DESC, page.state = 'new' DESC, page.raised_at, page.subject

-- worklist_stable --
-- A page of the followed patients with nothing open, by name, and what somebody closed of theirs in a
-- week: that nothing is open must not pass for all is well.
SELECT page.subject, page.code, page.pathway, page.family, page.given, page.birth_date,
       page.phone, NULL AS signal,
       NULL AS rule, NULL AS severity, NULL AS figures, NULL AS state, NULL AS raised_at,
       seen.last_reading_at,
       coalesce(cardinality(seen.days_seen)
                - width_bucket((%(now)s AT TIME ZONE page.time_zone)::date - 7, seen.days_seen),
                0) AS days_of_7,
       0 AS open_signals,
       coalesce((SELECT plan.pathway = page.pathway FROM plan WHERE plan.subject = page.subject
                 ORDER BY version DESC LIMIT 1), false) AS planned,
       closed.rule AS closed_rule, closed.figures AS closed_figures,
       closed.reason AS closed_reason, closed.at AS closed_at
FROM (
    SELECT identity.*, subject.code, subject.pathway, subject.time_zone
    FROM identity JOIN subject ON subject.id = identity.subject
    WHERE subject.pathway <> 'observation'
      AND (%(words)s::text[] = '{}'
           OR is_called(identity.family, identity.given, subject.code, identity.birth_date,
                        %(words)s::text[]))
      AND NOT EXISTS (SELECT FROM signal
                      WHERE signal.subject = subject.id AND signal.state <> 'closed')
    ORDER BY identity.family, identity.given, identity.subject
    LIMIT %(limit)s OFFSET %(start)s
) AS page
LEFT JOIN dirty_subject AS seen ON seen.subject = page.subject
LEFT JOIN LATERAL (
    SELECT signal.rule, signal.figures, ended.reason, ended.at
    FROM signal
    CROSS JOIN LATERAL (
        SELECT who, at, reason FROM signal_event
        WHERE signal_event.signal = signal.id AND signal_event.state = 'closed'
        ORDER BY at DESC LIMIT 1
    ) AS ended
    WHERE signal.subject = page.subject AND signal.changed_at > %(now)s::timestamptz - interval '7 days'
      AND ended.who <> 'balise'
    ORDER BY ended.at DESC LIMIT 1
) AS closed ON true
ORDER BY page.family, page.given, page.subject

-- worklist_counts --
-- How many patients are followed, how many of them have something open, and of how many of those the
-- name has these letters.
SELECT count(*) AS followed,
       count(open.subject) AS to_see,
       count(open.subject) FILTER (
           WHERE %(words)s::text[] = '{}'
              OR subject.id IN (
                  SELECT identity.subject FROM identity
                  JOIN subject AS named ON named.id = identity.subject
                  WHERE is_called(family, given, named.code, birth_date, %(words)s::text[]))
       ) AS named
FROM subject
LEFT JOIN (SELECT DISTINCT subject FROM signal WHERE state <> 'closed') AS open
       ON open.subject = subject.id
WHERE subject.pathway <> 'observation'

-- patient --
-- The identity band of one patient's page.
SELECT subject.id, subject.code, subject.pathway, subject.time_zone, identity.family,
       identity.given, identity.birth_date, identity.sex, identity.status, identity.phone,
       (SELECT scope FROM consent WHERE consent.subject = subject.id
        ORDER BY consent.id DESC LIMIT 1) AS agreed
FROM subject JOIN identity ON identity.subject = subject.id
WHERE subject.code = %(code)s

-- signals_of --
-- A patient's signals, the open ones first.
SELECT id, rule, rule_version, severity, figures, state, raised_at, changed_at, episode, evidence
FROM signal WHERE subject = %(subject)s
ORDER BY state = 'closed', severity DESC, raised_at DESC LIMIT 20

-- signal --
-- One signal of a patient.
SELECT rule, rule_version, figures, raised_at, evidence FROM signal
WHERE id = %(signal)s AND subject = %(subject)s

-- last_event --
-- What was done last to a signal of a patient.
SELECT who, signal_event.state, reason
FROM signal_event JOIN signal ON signal.id = signal_event.signal
WHERE signal.id = %(signal)s AND signal.subject = %(subject)s
ORDER BY at DESC LIMIT 1

-- events_of --
-- The life of a patient's signals.
SELECT signal_event.signal, at, who, signal_event.state, reason
FROM signal_event JOIN signal ON signal.id = signal_event.signal
WHERE signal.subject = %(subject)s
ORDER BY at

-- summary_of --
-- A patient's newest summary.
SELECT period_start, period_end, figures, profile, made_at FROM summary
WHERE subject = %(subject)s ORDER BY period_end DESC, made_at DESC LIMIT 1

-- freshness --
-- How old what the pages show is, and who can't be judged: an empty list must not be mistaken for all
-- is well.
SELECT (SELECT max(received_at) FROM landing_batch) AS last_received_at,
       (SELECT max(validated_at) FROM landing_batch) AS last_validated_at,
       (SELECT min(received_at) FROM landing_batch WHERE validated_at IS NULL) AS waiting_since,
       least((SELECT min(touched_at) FROM dirty_window WHERE done < generation),
             (SELECT min(assess_since) FROM dirty_subject
              WHERE assessed < generation AND assess_failed_at IS NULL)) AS dirty_since,
       ARRAY(SELECT jsonb_build_object(
                        'code', code, 'name', coalesce(nullif(concat_ws(' ', family, given), ''), code))
             FROM dirty_subject JOIN subject ON subject.id = dirty_subject.subject
             LEFT JOIN identity ON identity.subject = subject.id
             WHERE assess_failed_at IS NOT NULL ORDER BY family, given, code) AS failed

-- gateways --
-- When each gateway was last heard of.
SELECT name, last_contact_at FROM gateway ORDER BY name

-- silent_gateways --
-- Which gateways were not heard of since, and whose devices each hears: those of a patient first, and
-- of them the last to fall silent.
SELECT gateway.name, gateway.last_contact_at, whose.patients, count(*) OVER () AS silent
FROM gateway
CROSS JOIN LATERAL (
    SELECT jsonb_agg(DISTINCT jsonb_build_object(
               'code', subject.code, 'family', identity.family, 'given', identity.given)) AS patients
    FROM device JOIN assignment ON assignment.device = device.id AND assignment.during @> now()
    JOIN subject ON subject.id = assignment.subject
    JOIN identity ON identity.subject = subject.id
    WHERE device.gateway = gateway.name
) AS whose
WHERE NOT gateway.shut_out
  AND (gateway.last_contact_at IS NULL OR gateway.last_contact_at < %(since)s)
ORDER BY whose.patients IS NULL, gateway.last_contact_at DESC NULLS LAST, gateway.name
LIMIT %(limit)s

-- heard --
-- When a patient was last measured, and a box that hears their devices last heard of.
SELECT (SELECT last_reading_at FROM dirty_subject WHERE subject = %(subject)s) AS last_reading_at,
       count(gateway.name) AS boxes, max(gateway.last_contact_at) AS last_contact_at
FROM assignment JOIN device ON device.id = assignment.device
JOIN gateway ON gateway.name = device.gateway
WHERE assignment.subject = %(subject)s AND assignment.during @> now()

-- rule_figures --
-- What became of the signals of each rule that were raised since: whether it alarms in vain, and how
-- soon somebody looked. What closed by itself nobody needed to see.
SELECT signal.rule, count(*) AS raised, count(*) FILTER (WHERE signal.state <> 'closed') AS open,
       count(*) FILTER (WHERE ended.reason IN ('called', 'treated')) AS acted_on,
       count(*) FILTER (WHERE ended.reason = 'no_action') AS no_action,
       count(*) FILTER (WHERE ended.reason = 'measured_badly') AS measured_badly,
       count(*) FILTER (WHERE ended.reason = 'values_back') AS values_back,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seen.at - signal.raised_at) AS to_seen
FROM signal
LEFT JOIN LATERAL (
    SELECT min(at) AS at FROM signal_event
    WHERE signal_event.signal = signal.id AND who <> 'balise' AND at >= signal.raised_at
) AS seen ON true
LEFT JOIN LATERAL (
    SELECT reason FROM signal_event
    WHERE signal_event.signal = signal.id AND signal_event.state = 'closed'
      AND signal.state = 'closed'
    ORDER BY at DESC LIMIT 1
) AS ended ON true
WHERE signal.raised_at >= %(since)s
GROUP BY signal.rule
ORDER BY count(*) DESC, signal.rule

-- unseen --
-- When each signal that nobody has seen yet was raised, of patients who are followed.
SELECT signal.raised_at FROM signal JOIN subject ON subject.id = signal.subject
WHERE signal.state = 'new' AND subject.pathway <> 'observation'
