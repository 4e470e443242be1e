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
-- The messages as they came that hold a reading of a patient, and which items of each are theirs.
SELECT landing.id, landing.received_at, landing.gateway, landing.payload,
       array_agg(DISTINCT reading.item ORDER BY reading.item) AS items
FROM reading JOIN landing ON landing.id = reading.landing
WHERE reading.subject = %(subject)s
  AND reading.series IN (SELECT series.id FROM series JOIN assignment USING (device)
                         WHERE assignment.subject = %(subject)s)
GROUP BY landing.id, landing.received_at, landing.gateway, landing.payload
ORDER BY landing.id

-- decided --
-- What was decided, written and told of a patient, each row as it stands.
SELECT kind, row FROM (
    SELECT 'assignment' AS kind, to_jsonb(one) AS row FROM assignment AS one
    WHERE one.subject = %(subject)s
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
    UNION ALL SELECT 'early_warning', to_jsonb(one) FROM early_warning AS one
              WHERE one.subject = %(subject)s
    UNION ALL SELECT 'source_preference', to_jsonb(one) FROM source_preference AS one
              WHERE one.subject = %(subject)s
    UNION ALL SELECT 'revision', to_jsonb(one) FROM reading_revision AS one
              WHERE one.old_subject = %(subject)s OR one.new_subject = %(subject)s
) AS told ORDER BY kind
