"""All that runs in the guest: the steps of guest.py, and those that have a file of their own."""

from __future__ import annotations

import guest
import radio
from confirmation import confirmation_order
from no_time import no_time

# guest.confirmation has cuff and client in one loop, in which no order can be seen.
guest.STEPS = (
    *(one for one in guest.STEPS if one is not guest.confirmation),
    confirmation_order,
    *radio.STEPS,
    no_time,  # last, as it steps the clock
)
main = guest.main
