"""The only place with radios and sockets."""
