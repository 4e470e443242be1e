"""Which accelerator of qemu really runs a kernel here: /dev/kvm may be there and be of no use."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

KVM = ("-accel", "kvm", "-cpu", "host")
TCG = ("-accel", "tcg,thread=multi", "-cpu", "max")
_SECONDS = 6
"""A kernel that KVM runs is at its end after one second; in a nested machine it may hang."""


def accelerator(kernel: Path) -> tuple[str, ...]:
    """Return qemu's arguments for KVM where it is proved to work, else for its own emulation."""
    return KVM if os.access("/dev/kvm", os.R_OK | os.W_OK) and runs(kernel, KVM) else TCG


def runs(kernel: Path, arguments: tuple[str, ...], seconds: float = _SECONDS) -> bool:
    """Whether a kernel without a root comes as far as to miss it, and soon."""
    command = (
        *("qemu-system-x86_64", *arguments, "-smp", "2", "-m", "512"),
        *("-nic", "none", "-display", "none", "-no-reboot", "-monitor", "none"),
        *("-kernel", str(kernel), "-append", "console=ttyS0 panic=-1", "-serial", "stdio"),
    )
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return b"Unable to mount root fs" in done.stdout
