"""Topic filters of MQTT 3.1.1 (§4.7): which are good, which match, which two overlap."""

from __future__ import annotations

from itertools import zip_longest

_LONGEST = 256


def fault(topic: str) -> str:
    """Return what is wrong with a filter for one device, nothing where it is good."""
    levels = topic.split("/")
    if not topic or len(topic) > _LONGEST or not topic.isprintable():
        return f"is 1 to {_LONGEST} printable characters"
    if "#" in topic:
        return "has a #, which is everything below: name the levels, or + for one of them"
    if any("+" in level and level != "+" for level in levels):
        return "has a + that is not a whole level"
    if topic.startswith("$"):
        return "begins with $, where brokers speak of themselves"
    if levels[0] in {"balise", "homeassistant"}:
        return "is where Balise itself publishes"
    return ""


def overlap(one: str, other: str) -> bool:
    """Whether a topic can match both filters."""
    levels = zip_longest(one.split("/"), other.split("/"))
    return all(a is not None and b is not None and (a == b or "+" in (a, b)) for a, b in levels)


def matches(topic: str, pattern: str) -> bool:
    """Whether a topic matches a filter; a topic of `$` is matched by no + (§4.7.2)."""
    return not topic.startswith("$") and overlap(topic, pattern)
