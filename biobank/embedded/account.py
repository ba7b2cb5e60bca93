"""As whom PostgreSQL's programs run: it refuses root."""

import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from biobank.embedded.errors import AccessDenied

PRIVATE_COPIES = Path("/var/cache/biobank")


@dataclass(frozen=True)
class Account:
    """As whom, and from which folder, the server's programs run."""

    folder: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None

    def spawn(
        self, program: str, arguments: Sequence[str], *, cluster: Path, log: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Start a program for the cluster in a folder.

        Another user may be unable to pass the folders above it, so the folder itself is opened here and handed over.
        """
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        folder = os.open(cluster, os.O_RDONLY)
        try:
            return subprocess.Popen(
                [
                    *self.prefix,
                    self.folder / program,
                    "-D",
                    cluster if self.uid is None else f"/proc/self/fd/{folder}",
                    *arguments,
                ],
                cwd="/",
                env={**environment, "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=() if self.uid is None else (folder,),
                user=self.uid,
                group=None if self.uid is None else group_of(self.uid),
                extra_groups=None if self.uid is None else [],
                start_new_session=True,  # an interrupt from the keyboard is for the application alone
            )
        finally:
            os.close(folder)


def check_owner(cluster: Path) -> None:
    """Refuse the cluster of another user, whatever might be wrong with it besides. Raises `AccessDenied`."""
    me = os.geteuid()
    if me and cluster.exists() and (owner := cluster.stat().st_uid) != me:
        raise AccessDenied(
            f"The database in {cluster} belongs to user {owner}, and this process runs as user {me}.",
            place=cluster,
            way_out="Start as that user, or name another data folder (BIOBANK_DATA).",
        )


def account_for(cluster: Path, folder: Path) -> Account:
    """As whom the programs of a folder run for a cluster, which need not exist yet."""
    me = os.geteuid()
    owner = cluster.stat().st_uid if cluster.exists() else None
    if me and _known(me):
        return Account(folder)
    if owner in {None, me}:
        # initdb looks its user up, so the namespace shows one that has a name.
        for known in ("nobody", "postgres", "daemon"):
            with contextlib.suppress(KeyError):
                prefix = ("unshare", "--user", f"--map-user={pwd.getpwnam(known).pw_uid}", "--")
                if shutil.which("unshare") and _runs([*prefix, str(folder / "postgres"), "-V"]):
                    return Account(folder, prefix)
    if me:
        return Account(folder)  # initdb says what it misses
    uid = owner or _unprivileged(cluster)
    if cluster.exists() and owner != uid:
        _give(cluster, uid)
    if not _runs([str(folder / "postgres"), "-V"], uid):
        folder = _private_copy(folder)
    return Account(folder, (), uid)


def _known(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def group_of(uid: int) -> int:
    return pwd.getpwuid(uid).pw_gid if _known(uid) else uid


def _runs(command: Sequence[str], uid: int | None = None) -> bool:
    try:
        done = subprocess.run(
            command,
            cwd="/",
            capture_output=True,
            check=False,
            user=uid,
            group=None if uid is None else group_of(uid),
            extra_groups=None if uid is None else [],
        )
    except OSError:
        return False
    return done.returncode == 0


def _unprivileged(cluster: Path) -> int:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    raise AccessDenied(
        "PostgreSQL does not run as root, user namespaces are forbidden here, and there is no user postgres or nobody.",
        place=cluster.parent,
        way_out="Start as an ordinary user, or name a server (BIOBANK_DATABASE_URL).",
    )


def _give(folder: Path, uid: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, group_of(uid), follow_symlinks=False)


def _private_copy(folder: Path) -> Path:
    """The programs again where an unprivileged user may run but not list them, made once per version of them."""
    prefix = folder.parent
    program = folder / "postgres"
    mark = hashlib.sha256(f"{program} {program.stat().st_mtime_ns} {program.stat().st_size}".encode()).hexdigest()[:16]
    copy = PRIVATE_COPIES / mark
    if not copy.exists():
        PRIVATE_COPIES.mkdir(mode=0o711, parents=True, exist_ok=True)
        PRIVATE_COPIES.chmod(0o711)
        aside = Path(tempfile.mkdtemp(dir=PRIVATE_COPIES))
        shutil.copytree(
            prefix, aside / prefix.parent.name / prefix.name, symlinks=True, ignore=shutil.ignore_patterns("include")
        )
        libraries = prefix.parent.with_name(prefix.parent.name + ".libs")  # where a wheel keeps its shared libraries
        if libraries.is_dir():
            shutil.copytree(libraries, aside / libraries.name)
        for path in (aside, *aside.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)
        try:
            aside.rename(copy)
        except OSError:  # another process was quicker
            shutil.rmtree(aside)
    return copy / prefix.parent.name / prefix.name / folder.name
