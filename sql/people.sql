-- add_subject --
-- A patient, by a code that says nothing of who it is.
INSERT INTO subject (code, time_zone, pathway)
VALUES (%(code)s, %(time_zone)s, %(pathway)s)
ON CONFLICT (code) DO UPDATE SET code = excluded.code
RETURNING id

-- set_identity --
-- Names live here and nowhere else. Who has one keeps it: it is corrected on the patient's page, and no
-- import may undo that.
INSERT INTO identity (subject, family, given, birth_date, sex)
VALUES (%(subject)s, %(family)s, %(given)s, %(birth_date)s, %(sex)s)
ON CONFLICT (subject) DO NOTHING

-- add_gateway --
-- A gateway known to the server.
INSERT INTO gateway (name) VALUES (%(name)s) ON CONFLICT (name) DO NOTHING

-- add_device --
-- A device by its address; what isn't said anew stays as it was.
INSERT INTO device (address, name, gateway) VALUES (%(address)s, %(name)s, %(gateway)s)
ON CONFLICT (address) DO UPDATE
SET name = coalesce(nullif(excluded.name, ''), device.name),
    gateway = coalesce(excluded.gateway, device.gateway)
RETURNING id

-- assigned --
-- Whether a device, or its user slot, is already this patient's at a moment.
SELECT EXISTS (SELECT FROM assignment
               WHERE device = %(device)s AND subject = %(subject)s AND during @> %(since)s
                 AND slot IS NOT DISTINCT FROM %(slot)s)

-- end_at_once --
-- Who had the device from this very moment on never had it.
DELETE FROM assignment
WHERE device = %(device)s AND slot IS NOT DISTINCT FROM %(slot)s AND during @> %(since)s
  AND lower(during) = %(since)s

-- end_assignment --
-- Who had the device until then had it until then.
UPDATE assignment SET during = tstzrange(lower(during), %(since)s)
WHERE device = %(device)s AND slot IS NOT DISTINCT FROM %(slot)s AND during @> %(since)s

-- assign --
-- From a moment on, until whom it is given to later, the device's readings, or those of its user
-- slot, are this patient's; but for when they agreed to nothing.
INSERT INTO assignment (device, subject, slot, during)
SELECT %(device)s, %(subject)s, %(slot)s, part
FROM unnest(tstzmultirange(tstzrange(%(since)s,
                                     given_anew(%(device)s, %(slot)s::smallint, %(since)s)))
            - withdrawn(%(subject)s)) AS part

-- known --
-- Whether a code is somebody's already.
SELECT EXISTS (SELECT FROM subject WHERE code = %(code)s)

-- find --
-- A patient by code.
SELECT id, time_zone FROM subject WHERE code = %(code)s

-- codes --
-- What people call the numbers of patients.
SELECT id, code FROM subject

-- device --
-- A device by its address.
SELECT id FROM device WHERE address = %(address)s

-- enrol --
-- A patient in a panel of whoever is signed in; none where they may not.
SELECT enrol_patient(%(code)s, %(pathway)s, %(time_zone)s, %(panel)s)

-- correct --
-- Who a patient is, as it is known now; nothing where somebody else corrected it meanwhile.
UPDATE identity
SET family = %(family)s, given = %(given)s, birth_date = %(birth_date)s, sex = %(sex)s,
    birth_place = %(birth_place)s, ins = %(ins)s, ins_kind = %(ins_kind)s, status = %(status)s,
    phone = %(phone)s
WHERE subject = %(subject)s AND version = %(over)s

-- identity --
-- Who a patient is.
SELECT family, given, birth_date, sex, birth_place, ins, ins_kind, status, phone, version AS over
FROM identity WHERE subject = %(subject)s

-- identities --
-- Who a patient was said to be, until when and by whom it was corrected, the newest first.
SELECT family, given, birth_date, sex, birth_place, ins, ins_kind, status, phone, corrected_by,
       corrected_at
FROM identity_revision WHERE subject = %(subject)s ORDER BY version DESC LIMIT 50

-- put_on_pathway --
-- The pathway a patient is on from now on.
UPDATE subject SET pathway = %(pathway)s WHERE id = %(subject)s AND pathway <> %(pathway)s
RETURNING id

-- own_panels --
-- The panels of whoever is signed in.
SELECT name, everyone FROM own_panels() ORDER BY everyone, name
