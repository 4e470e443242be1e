"""The only place that imports prefect: each flow reads as a sentence over pure functions.

Every step is an ordinary function on a database connection, one idempotent transaction at a time,
and runs the same without a server. Correctness rests on the database's locks and marks alone.
"""
