"""A virtual machine with two real v4l2loopback devices, for machines whose kernel has none.

QEMU without hardware help boots Debian's kernel on a small initramfs; the host's files are there read-only, so the
same Python and the same Mien run inside. Kernel, headers and the module's source are Debian packages, fetched with
`apt-get download` and built once into a folder that git ignores.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "v4l2"
CACHE = REPOSITORY / ".cache" / "v4l2"
PROGRAMS = ("qemu-system-x86_64", "busybox", "apt-get", "dpkg-deb", "modinfo", "make", "gcc-12", "cpio", "gzip")
#: Debian's packages of the programs above.
PACKAGES = "qemu-system-x86 busybox-static kmod make gcc-12 cpio"
#: What the machine needs of the kernel beside the loopback module.
_WANTED = ("virtio_pci", "9pnet_virtio", "9p", "videodev")
_META = "linux-image-amd64"


class NotHereError(Exception):
    """The machine cannot be made here; the text says why."""


def prepare() -> Path:
    """Give the folder with `vmlinuz` and `initrd.gz`, made on first use. Raises `NotHereError`."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise NotHereError(f"{', '.join(missing)} missing: apt-get install {PACKAGES}")
    image = _first_dependency(_META, "linux-image-")
    release = image.removeprefix("linux-image-")
    folder = CACHE / release
    if not (folder / "initrd.gz").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _fetch(folder, image, release)
        _build(folder / "root", release, folder / "module")
        shutil.copy(folder / "root/boot" / f"vmlinuz-{release}", folder / "vmlinuz")
        _pack(folder, release)
    else:
        # The scripts may have changed since.
        _pack(folder, release)
    return folder


def run(machine: Path, shared: Path, *, timeout_s: float, memory_mb: int = 3072) -> tuple[str, float]:
    """Boot, run the script `shared`/start, power off; gives (what the serial line said, seconds)."""
    begin = time.monotonic()
    log = shared / "console.log"
    with log.open("wb") as console:
        done = subprocess.run(
            [
                "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(memory_mb),
                "-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio",
                "-kernel", str(machine / "vmlinuz"), "-initrd", str(machine / "initrd.gz"),
                "-append", "console=ttyS0 quiet panic=-1 mitigations=off clocksource=acpi_pm",
                "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
                "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
                "-fsdev", f"local,id=shared,path={shared},security_model=none",
                "-device", "virtio-9p-pci,fsdev=shared,mount_tag=shared",
            ],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )  # fmt: skip
    text = log.read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, text[-4000:]
    return text, time.monotonic() - begin


def _first_dependency(package: str, prefix: str) -> str:
    text = _said("apt-cache", "depends", package)
    found = re.search(rf"Depends: ({re.escape(prefix)}\S+)", text)
    if found is None:
        raise NotHereError(f"the package lists name no {prefix}* behind {package}: apt-get update, on Debian")
    return found[1]


def _fetch(folder: Path, image: str, release: str) -> None:
    headers = f"linux-headers-{release}"
    needed = re.findall(r"Depends: (linux-(?:headers|kbuild|compiler)\S+)", _said("apt-cache", "depends", headers))
    done = subprocess.run(
        ["apt-get", "download", "-q", image, headers, *needed, "v4l2loopback-dkms"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    packages = sorted(folder.glob("*.deb"))
    if done.returncode != 0 or len(packages) < len(needed) + 3:
        raise NotHereError(f"the kernel's packages cannot be fetched: {done.stderr.strip()[-500:]}")
    for package in packages:
        _run(["dpkg-deb", "-x", package.name, "root"], folder)
        package.unlink()


def _build(root: Path, release: str, target: Path) -> None:
    """Build the loopback module, and once more under another name, against the unpacked headers."""
    headers = root / "usr/src" / f"linux-headers-{release}"
    makefile = headers / "Makefile"
    # It names its common half by an absolute path, as if it were installed.
    makefile.write_text(makefile.read_text().replace("include /usr/src", f"include {root}/usr/src"))
    (source,) = (root / "usr/src").glob("v4l2loopback-*")
    shutil.copytree(source, target)
    shutil.copy(target / "v4l2loopback.c", target / "loopcam.c")
    (target / "Kbuild").write_text("obj-m := v4l2loopback.o loopcam.o\n")
    _run(["make", "-s", "-C", str(headers), f"M={target}", "modules"], target)


def _pack(folder: Path, release: str) -> None:
    """Busybox, our init and the modules, as the kernel's first file system."""
    tree = folder / "initrd"
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("bin", "modules", "proc", "sys", "dev", "host"):
        (tree / name).mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, tree / "bin/busybox")
    shutil.copy(SCRIPTS / "init", tree / "init")
    (tree / "init").chmod(0o755)
    available = {path.stem.replace("-", "_"): path for path in (folder / "root/lib/modules" / release).rglob("*.ko")}
    order: list[str] = []
    for name in _WANTED:
        _with_dependencies(name, available, order)
    for name in order:
        shutil.copy(available[name], tree / "modules" / f"{name}.ko")
    (tree / "modules/order").write_text("\n".join(order) + "\n")
    for name in ("v4l2loopback", "loopcam"):
        shutil.copy(folder / "module" / f"{name}.ko", tree / "modules")
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    archive = subprocess.run(
        ["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, input=names.encode(), capture_output=True, check=True
    ).stdout
    packed = subprocess.run(["gzip", "-1"], input=archive, capture_output=True, check=True).stdout
    (folder / "initrd.gz").write_bytes(packed)


def _with_dependencies(name: str, available: dict[str, Path], order: list[str]) -> None:
    if name in order or name not in available:
        # What is not there is built into the kernel.
        return
    for other in filter(None, _said("modinfo", "-F", "depends", str(available[name])).strip().split(",")):
        _with_dependencies(other.replace("-", "_"), available, order)
    order.append(name)


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotHereError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")


if __name__ == "__main__":
    sys.stdout.write(f"{prepare()}\n")
