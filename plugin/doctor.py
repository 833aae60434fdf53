"""What a run needs and what it could use: looked at one by one, each with the command that mends it."""

from __future__ import annotations

import ctypes
import importlib.metadata
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from mien.engines.credentials.toolkit import toolkit
from mien.plugin import settings
from mien.plugin.finding import Finding
from mien.plugin.machine import describe_machine, nvidia_gpus
from mien.plugin.vcam.driver import virtual_camera
from mien.realtime.config import DEFAULT_PERSONA, LiveConfig
from mien.realtime.errors import MienError

#: Distributions without which no run starts.
NEEDED = (
    "numpy", "mediapipe", "av", "pydantic", "typer", "rich", "aiohttp", "simplejpeg", "pillow", "platformdirs",
    "psutil", "tomli-w", "cryptography",
)  # fmt: skip
#: Distributions that own the module `cv2`; two of them overwrite each other's files.
OPENCV = (
    "opencv-contrib-python",
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)
#: What MediaPipe's library is linked against, and the Debian package of each.
GL_LIBRARIES = {"libEGL.so.1": "libegl1", "libGLESv2.so.2": "libgles2", "libGL.so.1": "libgl1"}
#: A ten-minute recording at 720p and the model fit into this, bytes.
ENOUGH_DISK = 2_000_000_000


#: What `--device cuda` needs.
GPU_FIX = "pip install 'cuda-core[cu13]' torch onnx, the torch with CUDA (https://pytorch.org/get-started/locally)"


def gpu_lacks() -> list[str]:
    """What `--device cuda` lacks, a sentence each. Opens the GPU, which takes a second or two."""
    from mien.engines.cuda import device
    from mien.engines.cuda.fatbin import read_fatbin
    from mien.engines.runtimes import torch_runtime

    missing = []
    looks: tuple[Callable[[], str | bytes], ...] = (device.missing, torch_runtime.missing_cuda, read_fatbin)
    for look in looks:
        try:
            problem = look()
        except MienError as error:
            problem = error.message
        if isinstance(problem, str) and problem:
            missing.append(problem if problem.endswith(".") else f"{problem}.")
    return missing


def examine() -> list[Finding]:
    """Look at everything. Never raises for what it finds; takes a second or two."""
    # Imported here: its client takes a third of a second.
    from mien.plugin.obs.health import obs
    from mien.plugin.obs.locate import running_programs

    system = platform.system()
    findings = [python(sys.version_info[:2]), machine()]
    findings += packages(installed)
    findings += gl_libraries(system, loads)
    findings += [virtual_camera(system), cameras(), gpu(nvidia_gpus()), *codecs(), *model()]
    findings += [background_model(), *personas()]
    findings += [obs(system, Path.home(), running_programs())]
    findings += [user_settings(), page_port(LiveConfig().preview_port), disk(Path.cwd())]
    return findings


def exit_code(findings: list[Finding]) -> int:
    """0 when a run can start, else 1."""
    return 1 if any(finding.state == "fail" for finding in findings) else 0


def installed(distribution: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def loads(library: str) -> bool:
    """Whether the system's loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def python(version: tuple[int, ...]) -> Finding:
    """Python 3.11 to 3.13."""
    text = f"Python {version[0]}.{version[1]}"
    if (3, 11) <= version[:2] <= (3, 13):
        return Finding("python", "ok", text)
    return Finding("python", "fail", f"{text}; Mien needs 3.11, 3.12 or 3.13", "Install Python 3.12, then mien again.")


def machine() -> Finding:
    """What the numbers of this machine will mean."""
    found = describe_machine()
    isa = ", ".join(name for name in found.isa if name.startswith(("avx2", "avx512f", "amx_bf16", "asimd")))
    return Finding(
        "machine",
        "ok",
        f"{found.cpu}, {found.cores} cores, {found.memory_gb:g} GB, {isa or 'no wide instructions'}, "
        f"power plan {found.power_plan}",
    )


def packages(version_of: Callable[[str], str | None]) -> Iterator[Finding]:
    """Needed distributions, OpenCV once and once only, and the optional ones."""
    versions = {name: version_of(name) for name in NEEDED}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        yield Finding("packages", "fail", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    else:
        yield Finding("packages", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))
    owners = [name for name in OPENCV if version_of(name) is not None]
    if not owners:
        yield Finding("opencv", "fail", "no OpenCV is installed", "pip install opencv-contrib-python")
    elif len(owners) > 1:
        yield Finding(
            "opencv",
            "fail",
            f"{' and '.join(owners)} own the same module and break each other",
            f"pip uninstall -y {' '.join(owners)} && pip install opencv-contrib-python",
        )
    else:
        yield Finding("opencv", "ok", f"{owners[0]} {version_of(owners[0])}")
    yield signing(version_of)
    camera = version_of("pyvirtualcam")
    if camera is None:
        detail = "not installed (it is GPL-2.0 and optional), so --sink virtualcam is not there"
        yield Finding("pyvirtualcam", "warn", detail, "pip install pyvirtualcam")
    else:
        yield Finding("pyvirtualcam", "ok", f"pyvirtualcam {camera}")


def signing(version_of: Callable[[str], str | None]) -> Finding:
    """What signs recordings; without it they are made all the same."""
    versions = {name: version_of(name) for name in ("c2pa-python", "cryptography")}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        detail = f"recordings carry no content credentials; missing: {', '.join(missing)}"
        return Finding("signing", "warn", detail, f"pip install {' '.join(missing)}")
    try:
        toolkit()
    except MienError as error:
        detail = f"recordings carry no content credentials: {error.message}"
        return Finding("signing", "warn", detail, "pip install --force-reinstall c2pa-python")
    return Finding("signing", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))


def gl_libraries(system: str, present: Callable[[str], bool]) -> Iterator[Finding]:
    """OpenGL's libraries on Linux, which the tracker links against even when it computes on the CPU."""
    if system != "Linux":
        return
    missing = {library: package for library, package in GL_LIBRARIES.items() if not present(library)}
    if missing:
        fix = f"sudo apt install {' '.join(missing.values())}"
        yield Finding("opengl", "fail", f"missing: {', '.join(missing)}; the tracker cannot load", fix)
    else:
        yield Finding("opengl", "ok", ", ".join(GL_LIBRARIES))


def cameras() -> Finding:
    """Real cameras; a run can also start on a file."""
    from mien.realtime.devices import list_cameras

    found = [camera for camera in list_cameras() if not camera.own]
    real = [camera.name for camera in found if not camera.virtual]
    if real:
        return Finding("cameras", "ok", ", ".join(real))
    detail = f"only virtual ones: {', '.join(camera.name for camera in found)}" if found else "none was found"
    fix = "Plug one in, or use a file: mien run --source talk.mp4"
    if platform.system() == "Linux":
        fix += '. If one is plugged in: sudo usermod -aG video "$USER", and log in again'
    return Finding("cameras", "warn", detail, fix)


def gpu(names: tuple[str, ...], lacking: Callable[[], list[str]] = gpu_lacks) -> Finding:
    """What there is, and whether `--device cuda` could use it; without a GPU nothing is looked for."""
    if not names:
        return Finding("gpu", "ok", "no NVIDIA GPU: everything runs on the CPU")
    found, missing = ", ".join(names), lacking()
    if missing:
        return Finding("gpu", "warn", f"{found}; --device cuda cannot use it: {' '.join(missing)}", GPU_FIX)
    return Finding("gpu", "ok", f"{found}; ready for --device cuda, which has not been measured on a GPU yet")


def codecs() -> Iterator[Finding]:
    """What PyAV can write and read."""
    try:
        from av.codec import Codec
        from av.codec.codec import UnknownCodecError
    except ImportError as error:
        yield Finding("codecs", "fail", f"PyAV cannot be loaded ({error})", "pip install --force-reinstall av")
        return
    missing = []
    for name, mode in (("libx264", "w"), ("aac", "w"), ("h264", "r"), ("aac", "r")):
        try:
            Codec(name, "w" if mode == "w" else "r")
        except UnknownCodecError:
            missing.append(f"{name} ({'writing' if mode == 'w' else 'reading'})")
    if missing:
        fix = "pip install --force-reinstall --only-binary :all: av"
        yield Finding("codecs", "fail", f"PyAV has no {', '.join(missing)}", fix)
    else:
        yield Finding("codecs", "ok", "H.264 and AAC, reading and writing")


def model() -> Iterator[Finding]:
    """The landmark model in the cache."""
    from mien.realtime.download import cached
    from mien.realtime.tracker.model import LANDMARKER

    try:
        path = cached(LANDMARKER)
    except MienError as error:
        yield Finding("model", "fail", error.message, error.hint)
        return
    if path is None:
        detail = f"{LANDMARKER.name} ({LANDMARKER.size / 1e6:.1f} MB) is not here yet; the first run fetches it"
        yield Finding("model", "warn", detail, "mien doctor --fetch")
    else:
        yield Finding("model", "ok", f"{LANDMARKER.name}, sha256 {LANDMARKER.sha256[:12]}... is right")


def background_model() -> Finding:
    """The model that finds the people before a room that is to be hidden; nothing is amiss without it."""
    from mien.realtime.download import cached
    from mien.realtime.segmenter import SEGMENTER

    try:
        path = cached(SEGMENTER)
    except MienError as error:
        return Finding("background model", "warn", error.message, error.hint)
    if path is None:
        size = f"{SEGMENTER.size / 1e6:.2f} MB"
        where = f"not here yet ({size}); the first background fetches it, or `mien doctor --fetch`"
        return Finding("background model", "ok", where)
    return Finding("background model", "ok", f"{SEGMENTER.name}, sha256 {SEGMENTER.sha256[:12]}... is right")


def personas() -> Iterator[Finding]:
    """Shipped packs byte for byte, the user's own by their manifests."""
    from mien.engines.personas.check import check
    from mien.engines.personas.library import Library

    infos = Library().list()
    if not any(info.name == DEFAULT_PERSONA for info in infos):
        yield Finding(
            "personas", "fail", f"the shipped persona '{DEFAULT_PERSONA}' is not there", "Install Mien again."
        )
    bad = False
    for info in infos:
        if info.shipped:
            failed = [
                item.detail for item in check(info.path, tracker=None, deep=False).items if item.state == "failed"
            ]
            problem, state = (failed[0] if failed else ""), "fail"
        else:
            problem, state = info.problem, "warn"
        if problem:
            bad = True
            fix = "Install Mien again." if info.shipped else f"mien persona check {info.name}"
            yield Finding("personas", "fail" if state == "fail" else "warn", f"{info.name}: {problem}", fix)
    if infos and not bad:
        yield Finding("personas", "ok", ", ".join(info.name for info in infos))


def user_settings() -> Finding:
    """Whether the user's settings can be read."""
    path = settings.settings_path()
    shown = str(path).replace(str(Path.home()), "~", 1)
    try:
        settings.resolve({})
    except MienError as error:
        return Finding("settings", "fail", error.message, error.hint or "mien run --reset-settings")
    return Finding("settings", "ok", shown if path.exists() else "defaults; what you set on a run is kept in " + shown)


def page_port(port: int) -> Finding:
    """Whether the page's usual port is free."""
    with socket.socket() as probe:
        # As servers do; without it a page that was closed a moment ago looks like one that runs.
        if platform.system() != "Windows":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return Finding("page", "warn", f"port {port} is in use", f"mien run --preview-port {port + 1}")
    return Finding("page", "ok", f"port {port} is free")


def disk(folder: Path) -> Finding:
    """Room for recordings."""
    free = shutil.disk_usage(folder).free
    if free < ENOUGH_DISK:
        return Finding("disk", "warn", f"{free / 1e9:.1f} GB free in this folder", "Free some, or record elsewhere.")
    return Finding("disk", "ok", f"{free / 1e9:.0f} GB free in this folder")
