"""All that runs in the guest: the steps of guest.py, and the one that needs a second process."""

from __future__ import annotations

import guest
from confirmation import confirmation_order

# guest.confirmation has cuff and client in one loop, in which no order can be seen.
guest.STEPS = (*(one for one in guest.STEPS if one is not guest.confirmation), confirmation_order)
main = guest.main
