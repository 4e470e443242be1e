"""From figures to the bytes of a characteristic, along the layout that its decoder reads.

One declaration says where each part stands and which flag announces it; how a part is written is
here alone, so decoders stay without encoders. No decoder is tested with these bytes: what they
are tested with comes from devices, and these against it too.
"""

from __future__ import annotations

from typing import Any

from devices.frame import Frame
from devices.parts import Number, Part
from devices.virtual.parts import name, word


def given(**figures: Any) -> dict[str, Any]:
    """Return the figures that are not None: those that a device leaves out of its frame."""
    return {one: figure for one, figure in figures.items() if figure is not None}


def frame(layout: Frame, *, flags: int = 0, **figures: Any) -> bytes:
    """Return the bytes of a characteristic that says these figures, by name of part.

    A figure is a Decimal in the part's unit, a Quality for a non-number, or None: not a number, an
    unset clock, an unknown user, the integer that stands for none. A part that is repeated takes a
    sequence; bytes stand for themselves. `flags` are those that no figure asks for, such as a unit.
    ValueError where a figure doesn't fit, has no place, or is missing.
    """
    for one in figures:
        flags |= _flags(layout, flags, one)
    parts = [part for part in layout.present(flags) if name(part)]
    missing = [name(part) for part in parts if name(part) not in figures]
    if missing or len(parts) != len(figures):
        raise ValueError(
            f"{layout.characteristic}: {missing or sorted(figures)} do not go together"
        )
    head = flags.to_bytes(layout.flags_size, "little")
    return head + b"".join(_part(part, figures) for part in layout.present(flags))


def _flags(layout: Frame, flags: int, wanted: str) -> int:
    """Return the flags that announce a figure beside those already set, the fewest first."""
    places = [part for part in layout.parts if name(part) == wanted and not flags & part.unless]
    if not places:
        raise ValueError(f"{layout.characteristic} has no place for {wanted}")
    return min((part.when for part in places), key=lambda when: (when & ~flags).bit_count())


def _part(part: Part, figures: dict[str, Any]) -> bytes:
    """Return the bytes of a part, once for each of its figures."""
    figure: Any = figures.get(name(part))
    try:
        if part.many and hasattr(figure, "__iter__") and type(figure) is not bytes:
            return b"".join(word(part, one) for one in figure)
        return word(part, figure)
    except (OverflowError, TypeError, ArithmeticError) as error:
        what = part.metric if isinstance(part, Number) else name(part)
        raise ValueError(f"{what}: {figure} does not fit {part.code}") from error
