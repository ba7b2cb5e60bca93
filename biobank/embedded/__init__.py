"""The embedded PostgreSQL: a server of our own in a data folder, when no database server is named.

Several processes share one server. Three files beside the cluster hold the house together, all through ``flock``,
which the kernel releases when a process ends in whatever way:

``postgresql.lock``   held alone while a server is being made, started, joined or left;
``postgresql.users``  held together by everyone who uses the server;
``postgresql.watch``  held by the watcher, a small process that waits to hold ``postgresql.users`` alone, which happens
                      when the last user has stopped or was killed, and then shuts the server down.

The socket lies in the cluster folder itself, which is 0700, and the server listens nowhere else. PostgreSQL refuses to
run as root; for root it runs in a user namespace that shows another user, or, where namespaces are forbidden, as an
unprivileged user who is handed the opened cluster folder, so that no folder above it has to be opened to anybody.
"""

from biobank.embedded.cluster import SUPERUSER
from biobank.embedded.errors import (
    AccessDenied,
    BinariesNotFound,
    EmbeddedError,
    InitFailed,
    OtherMajorVersion,
    StartFailed,
)
from biobank.embedded.programs import find_binaries, major_version
from biobank.embedded.server import EmbeddedServer, start

__all__ = [
    "SUPERUSER",
    "AccessDenied",
    "BinariesNotFound",
    "EmbeddedError",
    "EmbeddedServer",
    "InitFailed",
    "OtherMajorVersion",
    "StartFailed",
    "find_binaries",
    "major_version",
    "start",
]
