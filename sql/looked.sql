-- well --
-- Of whom somebody can say at once that there is no alert; what came after the page was made is nobody's
-- look, and leaves its patient out. The first of them by name, and how many there are.
SELECT well.subject, subject.code, identity.family, identity.given,
       count(*) OVER () AS patients
FROM well
JOIN subject ON subject.id = well.subject
JOIN identity ON identity.subject = well.subject
WHERE well.settled_at <= %(as_of)s
ORDER BY identity.family, identity.given, subject.code
LIMIT %(limit)s

-- look_at_well --
-- Somebody looked at everybody who was on that list.
WITH seen AS (
    UPDATE dirty_subject SET looked_at = %(as_of)s
    FROM well
    WHERE well.subject = dirty_subject.subject AND well.settled_at <= %(as_of)s
    RETURNING dirty_subject.subject, well.up_to
)
INSERT INTO looked (subject, who, up_to)
SELECT subject, %(who)s, up_to FROM seen
RETURNING subject

-- look_at --
-- Somebody looked at one patient's page, whatever it said.
WITH seen AS (
    UPDATE dirty_subject SET looked_at = greatest(looked_at, %(as_of)s)
    WHERE subject = %(subject)s
)
INSERT INTO looked (subject, who, up_to) VALUES (%(subject)s, %(who)s, %(as_of)s)

-- waiting --
-- Patients whose boxes don't say yet that somebody looked, on which day of theirs that was last, and
-- the boxes that hear the devices they have now. A box that another patient shares would tell both: it
-- is left out until somebody looked at the other on that day too.
SELECT waits.subject, waits.newest, waits.day,
       ARRAY(SELECT DISTINCT device.gateway
             FROM assignment JOIN device ON device.id = assignment.device
             WHERE assignment.subject = waits.subject AND assignment.during @> now()
               AND device.gateway IS NOT NULL
               AND NOT EXISTS (
                   SELECT FROM assignment AS other JOIN device AS beside ON beside.id = other.device
                   WHERE beside.gateway = device.gateway AND other.during @> now()
                     AND other.subject <> waits.subject
                     AND NOT EXISTS (
                         SELECT FROM looked
                         WHERE looked.subject = other.subject
                           AND (looked.at AT TIME ZONE waits.time_zone)::date >= waits.day)))
           AS boxes
FROM (
    SELECT looked.subject, subject.time_zone, max(looked.id) AS newest,
           (max(looked.at) AT TIME ZONE subject.time_zone)::date AS day
    FROM looked JOIN subject ON subject.id = looked.subject
    WHERE looked.boxes IS NULL AND (%(subject)s::integer IS NULL OR looked.subject = %(subject)s)
    GROUP BY looked.subject, subject.time_zone
) AS waits
ORDER BY waits.newest

-- put --
-- It is on its way to the boxes now, and with it what waited before.
UPDATE looked SET boxes = %(count)s
WHERE subject = %(subject)s AND boxes IS NULL AND id <= %(newest)s

-- newest --
-- Who looked last at a patient's measurements.
SELECT who, at, boxes FROM looked WHERE subject = %(subject)s ORDER BY id DESC LIMIT 1
