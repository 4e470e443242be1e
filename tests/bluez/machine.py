"""A machine for real BlueZ: Debian's kernel in qemu, with this machine's own files beneath.

The guest sees the host's root read-only over 9p with a layer in memory on top, so that checkout and
environment are there as they are. Everything is Debian's: nothing is installed on the host but
programs, and the kernel is only unpacked.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from accelerator import accelerator

CACHE = Path(os.environ.get("BALISE_BLUEZ_CACHE", "/var/tmp/balise-bluez-6.12"))  # noqa: S108 - shared
KERNELS = ("linux-image-6.12-amd64", "linux-image-amd64")
"""The first there is. Debian 12's own, 6.1.192, ends bluetoothd when a bonded device has lost its
half of the bond."""
PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "cpio": "cpio",
    "depmod": "kmod",
    "dbus-daemon": "dbus",
    "/usr/libexec/bluetooth/bluetoothd": "bluez",
}
MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
"""What the kernel needs before it sees the host's files."""

_INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
for module in $(/bin/busybox cat /order); do
    /bin/busybox insmod /modules/$module || exec /bin/busybox sh
done
shared="-t 9p -o trans=virtio,version=9p2000.L,msize=512000"
/bin/busybox mount $shared,ro,cache=loose root /lower
/bin/busybox mount -t tmpfs -o size=512m layer /layer
/bin/busybox mkdir /layer/upper /layer/work
/bin/busybox mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work all /new
/bin/busybox mkdir -p /new/balise-guest
/bin/busybox mount $shared out /new/balise-guest
exec /bin/busybox switch_root /new /bin/sh /balise-guest/start.sh
"""

_START = """#!/bin/sh
# Runs as the first process of the guest: a system bus, bluetoothd, the script, and off.
out=/balise-guest
exec >$out/console.log 2>&1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root {environment}
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev

mkdir -p /dev/pts /run/dbus /lib/modules; mount -t devpts pts /dev/pts
mount --bind {modules} /lib/modules
hostname balise-guest; ip link set lo up
for module in hci_vhci ecb ecdh_generic cmac ccm algif_skcipher algif_hash; do
    modprobe $module
done
rm -f /run/dbus/pid; dbus-uuidgen --ensure; dbus-daemon --system --fork
mkdir -p /var/lib/bluetooth
/usr/libexec/bluetooth/bluetoothd -n -d >$out/bluetoothd.log 2>&1 &
cd {root}
{python} {script} $out/report.jsonl {arguments}
echo $? >$out/exit
sync
echo o >/proc/sysrq-trigger
while :; do :; done # a program may no more be loaded, and the first process must not end
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a boot."""

    code: int | None
    report: Path
    console: str


def missing() -> list[str]:
    """Return the packages whose programs are not here."""
    return [
        package
        for program, package in PACKAGES.items()
        if not (Path(program).exists() if "/" in program else shutil.which(program))
    ]


def unpack() -> None:
    """Unpack Debian's kernel; once, after what is `missing` has been installed."""
    if not kernel():
        _unpack_kernel()


def kernel() -> Path | None:
    """Return the kernel, None where none is unpacked yet."""
    return next(iter(sorted(CACHE.glob("kernel/boot/vmlinuz-*"))), None)


def _unpack_kernel() -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    package = _kernel_package()
    subprocess.run(
        ["apt-get", "download", "-q", package], cwd=CACHE, check=True, capture_output=True
    )
    (deb,) = CACHE.glob("linux-image-*.deb")
    # Unpacked beside and moved, so that half a kernel is never taken for one.
    half = CACHE / "kernel.new"
    shutil.rmtree(half, ignore_errors=True)
    subprocess.run(["dpkg", "-x", deb, half], check=True)
    if not (half / "lib").exists():  # since Debian 13
        (half / "lib").symlink_to("usr/lib")
    (version,) = (half / "lib/modules").iterdir()
    subprocess.run(["depmod", "-b", half, version.name], check=True)
    half.rename(CACHE / "kernel")
    deb.unlink()


def _kernel_package() -> str:
    """Return the package that the preferred name stands for here."""
    for name in KERNELS:
        told = subprocess.run(
            ["apt-cache", "depends", name], check=False, capture_output=True, text=True
        )
        depends = [line for line in told.stdout.splitlines() if "Depends:" in line]
        if depends:
            return depends[0].split()[-1]
    raise FileNotFoundError(f"no package of {', '.join(KERNELS)}")


def _modules(version: str) -> list[Path]:
    """Return the files of the modules and of all they rest on, in the order of loading."""
    folder = CACHE / "kernel/lib/modules" / version
    needs = {
        Path(line.split(":")[0]).name.split(".")[0].replace("-", "_"): (
            folder / line.split(":")[0],
            [folder / one for one in line.split(":")[1].split()],
        )
        for line in (folder / "modules.dep").read_text().splitlines()
    }
    ordered: list[Path] = []
    for name in MODULES:
        if name not in needs:
            continue  # built into this kernel
        module, below = needs[name]
        ordered += [one for one in (*reversed(below), module) if one not in ordered]
    return ordered


def _initramfs(folder: Path, version: str) -> Path:
    """Pack the little system that finds the host's files."""
    tree = folder / "initramfs"
    for name in ("bin", "modules", "proc", "sys", "dev", "lower", "layer", "new"):
        (tree / name).mkdir(parents=True)
    busybox = shutil.which("busybox")
    if busybox is None:
        raise FileNotFoundError("busybox")
    shutil.copy(busybox, tree / "bin/busybox")
    modules = _modules(version)
    for module in modules:
        shutil.copy(module, tree / "modules")
    (tree / "order").write_text(" ".join(module.name for module in modules))
    (tree / "init").write_text(_INIT)
    (tree / "init").chmod(stat.S_IRWXU)
    names = "\n".join(str(path.relative_to(tree)) for path in (tree, *sorted(tree.rglob("*"))))
    packed = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"],
        cwd=tree,
        input=names.encode(),
        capture_output=True,
        check=True,
    ).stdout
    image = folder / "initramfs.gz"
    image.write_bytes(gzip.compress(packed, 1))
    return image


def run(
    script: Path, folder: Path, *, python: Path, root: Path, seconds: float, arguments: str = ""
) -> Outcome:
    """Boot, run a script of ours in the guest, and return what came of it."""
    found = kernel()
    if found is None:
        raise FileNotFoundError("no kernel is unpacked: call unpack()")
    version = found.name.removeprefix("vmlinuz-")
    image = _initramfs(folder, version)
    shared = folder / "out"
    shared.mkdir()
    (shared / "start.sh").write_text(
        _START.format(
            environment=f"PYTHONPATH={root} BALISE_HOME=/tmp/balise PYTHONDONTWRITEBYTECODE=1",
            modules=CACHE / "kernel/lib/modules",
            root=root,
            python=python,
            script=script,
            arguments=arguments,
        )
    )
    # Where it takes too long, what the guest wrote until then says how far it came.
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            _command(found, image, shared, folder),
            timeout=seconds,
            check=False,
            capture_output=True,
        )
    code = shared / "exit"
    console = "".join(
        path.read_text(errors="replace")[-8000:]
        for path in (folder / "serial.log", shared / "console.log")
        if path.exists()
    )
    return Outcome(
        int(code.read_text()) if code.exists() else None, shared / "report.jsonl", console
    )


def _command(vmlinuz: Path, image: Path, shared: Path, folder: Path) -> list[str]:
    return [
        "qemu-system-x86_64",
        *accelerator(vmlinuz),
        *("-smp", "2", "-m", "1536"),
        *("-nic", "none", "-display", "none", "-no-reboot", "-monitor", "none"),
        *("-serial", f"file:{folder / 'serial.log'}"),
        *("-kernel", str(vmlinuz), "-initrd", str(image)),
        *("-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on"),
        *("-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"),
        *("-virtfs", f"local,path={shared},mount_tag=out,security_model=none"),
    ]
