"""The agent on the box at home: devices to spool, spool to broker."""
