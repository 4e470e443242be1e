"""What others build for the same work, run beside ours: small, and as each is meant to be used."""

from __future__ import annotations

from bench.peers import mq_bridge, node_red, tutorial

PEERS = {one.name: one for one in (tutorial.PEER, node_red.PEER, mq_bridge.PEER)}
