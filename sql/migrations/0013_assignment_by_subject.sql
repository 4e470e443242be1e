-- A patient's readings are found through the patient's devices, for each window that is recomputed.
CREATE INDEX assignment_by_subject ON assignment (subject);
