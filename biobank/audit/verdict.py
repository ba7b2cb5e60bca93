"""What a verification found."""

from dataclasses import dataclass, field

from biobank.audit.canonical import GENESIS


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was written. `where` names the table and row."""

    where: str
    what: str


@dataclass(slots=True)
class Verdict:
    """The outcome of a verification: how much was read, the hashes of the chain in order, and every fault."""

    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    rows: int = 0
    hashes: list[str] = field(default_factory=lambda: [GENESIS.hex()])
    faults: list[Fault] = field(default_factory=list)

    @property
    def head(self) -> str:
        """The chain's last hash: note it elsewhere, and nobody can cut off or rewrite what came before unnoticed."""
        return self.hashes[-1]

    @property
    def sound(self) -> bool:
        return not self.faults
