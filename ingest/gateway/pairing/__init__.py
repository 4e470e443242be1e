"""Pairing: from "which device is it?" to a measurement that came without anybody's help."""
