-- well --
-- Of how many patients somebody can say at once that all is well.
SELECT count(*) AS patients FROM well WHERE up_to <= %(as_of)s

-- look_at_well --
-- Somebody looked at everybody of whom all was well on the page; what came since is not covered.
INSERT INTO looked (subject, who, up_to)
SELECT subject, %(who)s, up_to FROM well WHERE up_to <= %(as_of)s
RETURNING subject

-- look_at --
-- Somebody looked at one patient's measurements, whatever they are.
INSERT INTO looked (subject, who, up_to) VALUES (%(subject)s, %(who)s, %(as_of)s)

-- waiting --
-- Patients whose boxes don't say yet that somebody looked, on which day of theirs that was last, and
-- the boxes that hear the devices they have now.
SELECT looked.subject, max(looked.id) AS newest,
       (max(looked.at) AT TIME ZONE subject.time_zone)::date AS day,
       ARRAY(SELECT DISTINCT device.gateway
             FROM assignment JOIN device ON device.id = assignment.device
             WHERE assignment.subject = looked.subject AND assignment.during @> now()
               AND device.gateway IS NOT NULL) AS boxes
FROM looked JOIN subject ON subject.id = looked.subject
WHERE looked.boxes IS NULL AND (%(subject)s::integer IS NULL OR looked.subject = %(subject)s)
GROUP BY looked.subject, subject.time_zone
ORDER BY newest

-- put --
-- The boxes say it now, and with it what waited before.
UPDATE looked SET boxes = %(count)s
WHERE subject = %(subject)s AND boxes IS NULL AND id <= %(newest)s

-- newest --
-- Who looked last at a patient's measurements.
SELECT who, at, boxes FROM looked WHERE subject = %(subject)s ORDER BY id DESC LIMIT 1
