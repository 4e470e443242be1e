"""Bytes and payloads to readings: pure, no I/O, no clock."""
