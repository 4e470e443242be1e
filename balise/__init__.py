"""Balise: from a patient's health device at home to the clinician who acts on it."""
