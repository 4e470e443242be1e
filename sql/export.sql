-- readings --
-- Every reading of a patient with where it came from, in the order in which they were taken.
SELECT reading.taken_at, series.metric, reading.value, series.unit, reading.quality,
       device.address AS device, device.name AS device_name, reading.stamped_at, reading.sequence,
       reading.landing AS message, reading.item, reading.decoder
FROM reading
JOIN series ON series.id = reading.series
JOIN device ON device.id = series.device
WHERE reading.subject = %(subject)s
  AND series.device IN (SELECT device FROM assignment WHERE subject = %(subject)s)
ORDER BY reading.taken_at, series.metric, series.position, reading.stamped_at, reading.sequence

-- messages --
-- The messages as they came that hold something of a patient, and which items of each are theirs: what
-- is a reading or was one, what came again, and what was refused of their devices while they were.
WITH place AS (
    SELECT reading.landing, reading.item FROM reading
    WHERE reading.subject = %(subject)s
      AND reading.series IN (SELECT series.id FROM series JOIN assignment USING (device)
                             WHERE assignment.subject = %(subject)s)
    UNION
    SELECT duplicate.landing, duplicate.item FROM duplicate
    JOIN reading ON reading.series = duplicate.series AND reading.stamped_at = duplicate.stamped_at
                AND reading.sequence = duplicate.sequence
    WHERE reading.subject = %(subject)s
      AND reading.series IN (SELECT series.id FROM series JOIN assignment USING (device)
                             WHERE assignment.subject = %(subject)s)
    UNION
    SELECT old_landing, old_item FROM reading_revision
    WHERE old_subject = %(subject)s AND old_landing IS NOT NULL
    UNION
    SELECT refused.landing, refused.item FROM refused
    JOIN device ON device.address = refused.device
    JOIN assignment ON assignment.device = device.id
    WHERE assignment.subject = %(subject)s AND had(assignment) @> refused.received_at
)
SELECT landing.id, landing.received_at, landing.gateway, landing.payload,
       array_agg(place.item ORDER BY place.item) AS items
FROM place JOIN landing ON landing.id = place.landing
GROUP BY landing.id, landing.received_at, landing.gateway, landing.payload
ORDER BY landing.id

-- decided --
-- What was decided, written, told and refused of a patient, each row as it stands.
SELECT kind, row FROM (
    SELECT 'patient' AS kind, to_jsonb(one) AS row FROM subject AS one WHERE one.id = %(subject)s
    UNION ALL SELECT 'assignment', to_jsonb(one) FROM assignment AS one
              WHERE one.subject = %(subject)s
    UNION ALL SELECT 'panel', to_jsonb(one) FROM panel_subject AS one
              WHERE one.subject = %(subject)s
    UNION ALL SELECT 'refused', to_jsonb(one) FROM refused AS one
              JOIN device ON device.address = one.device
              JOIN assignment ON assignment.device = device.id
              WHERE assignment.subject = %(subject)s AND had(assignment) @> one.received_at
    UNION ALL SELECT 'plan', to_jsonb(one) FROM plan AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'pause', to_jsonb(one) FROM pause AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'note', to_jsonb(one) FROM note AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'team', to_jsonb(one) FROM team_member AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'message', to_jsonb(one) FROM message AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'looked', to_jsonb(one) FROM looked AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'signal', to_jsonb(one) FROM signal AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'signal_event', to_jsonb(one) FROM signal_event AS one
              JOIN signal ON signal.id = one.signal WHERE signal.subject = %(subject)s
    UNION ALL SELECT 'summary', to_jsonb(one) FROM summary AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'identity_revision', to_jsonb(one) FROM identity_revision AS one
              WHERE one.subject = %(subject)s
    UNION ALL SELECT 'consent', to_jsonb(one) FROM consent AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'helper', to_jsonb(one) FROM helper AS one WHERE one.subject = %(subject)s
    UNION ALL SELECT 'early_warning', to_jsonb(one) FROM early_warning AS one
              WHERE one.subject = %(subject)s
    UNION ALL SELECT 'source_preference', to_jsonb(one) FROM source_preference AS one
              WHERE one.subject = %(subject)s
    -- Of a reading that was or became another's, this patient's side alone.
    UNION ALL SELECT 'revision', to_jsonb(one)
        - CASE WHEN one.old_subject = %(subject)s THEN '{}'::text[]
               ELSE ARRAY['old_value', 'old_sent', 'old_quality', 'old_taken_at', 'old_subject',
                          'old_landing', 'old_item', 'old_decoder'] END
        - CASE WHEN one.new_subject = %(subject)s THEN '{}'::text[]
               ELSE ARRAY['new_value', 'new_sent', 'new_quality', 'new_taken_at', 'new_subject',
                          'new_landing', 'new_item', 'new_decoder', 'became_series',
                          'became_stamped_at', 'became_sequence'] END
    FROM reading_revision AS one
    WHERE one.old_subject = %(subject)s OR one.new_subject = %(subject)s
) AS told ORDER BY kind
