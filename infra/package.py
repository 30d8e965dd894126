"""Build the deployment package: the app and the Linux wheels of its requirements in one zip.

    python3.13 infra/package.py [--out build/metersentry.zip]

Only for deploying without a build in Azure; `azd up` builds there. It runs on Python 3.13, the app's own, because pip
judges the markers of requirements by the Python it runs on. Needs nothing but pip.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = (3, 13)
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
"""Azure's image has glibc 2.36; the newest wheels of numpy and onnxruntime want 2.27 or 2.28."""
PACKAGES = ".python_packages/lib/site-packages"
"""Where the Functions host looks for them."""
MOST_MB = 250
NEEDED = ("function_app.py", "host.json", "requirements.txt", "functions/models/manifest.json")
MB = 1_000_000


def main() -> None:
    """Build the zip and print its size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "metersentry.zip", help="zip file to write")
    out = parser.parse_args().out
    if sys.version_info[:2] != PYTHON:
        sys.exit(f"error: this is Python {sys.version.split()[0]}; run it with python3.13, as the app does in Azure")
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        copy_app(stage)
        install(stage / PACKAGES)
        unpacked = sum(path.stat().st_size for path in stage.rglob("*") if path.is_file())
        if unpacked > MOST_MB * MB:
            sys.exit(
                f"error: the package has {unpacked / MB:.0f} MB unpacked; keep requirements.txt under {MOST_MB} MB"
            )
        pack(stage, out)
    print(f"{out}: {out.stat().st_size / MB:.0f} MB, {unpacked / MB:.0f} MB unpacked")


def copy_app(stage: Path) -> None:
    """Copy what `.funcignore` leaves."""
    for source in deployed():
        target = stage / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    missing = [name for name in NEEDED if not (stage / name).exists()]
    if missing:
        sys.exit(f"error: the package lacks {', '.join(missing)}; see what .funcignore says")


def deployed() -> Iterator[Path]:
    """The project's own files in the package."""
    patterns = ignored()

    def kept(name: str) -> bool:
        return not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)

    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(filter(kept, folders))  # the others are not even looked into
        yield from (Path(folder, name) for name in sorted(filter(kept, files)))


def ignored() -> list[str]:
    """The patterns of `.funcignore`."""
    lines = (ROOT / ".funcignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def install(target: Path) -> None:
    """Download the wheels for Azure's Linux and unpack them; compiled files would be stale there."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--root-user-action=ignore",
    ]
    command += ["--target", str(target), "--requirement", str(ROOT / "requirements.txt")]
    command += ["--python-version", ".".join(map(str, PYTHON)), "--implementation", "cp", "--only-binary=:all:"]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    if subprocess.run(command, check=False).returncode:  # noqa: S603  # our own pip and our own arguments
        sys.exit("error: pip could not get the wheels; see above, and try again")


def pack(stage: Path, out: Path) -> None:
    """Zip a folder, in an order that is always the same."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(stage.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(stage))


if __name__ == "__main__":
    main()
