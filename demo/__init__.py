"""Virtual patients with virtual devices: what `./run up` shows before anyone is enrolled."""
