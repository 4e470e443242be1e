"""Clinical figures, one a file: pure functions of a patient's readings."""
