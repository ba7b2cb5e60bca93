"""What was pulled out of the house: who, what, when, how many rows and their digest."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Integer, Text, Uuid, func
from sqlalchemy.orm import Mapped, mapped_column

from biobank.db import Base, Id


class DataPull(Base):
    """One pull of results, known to people by `number`. `query` is the canonical text of what was asked, `sha256` the
    digest of the bytes that were answered.
    """

    __tablename__ = "data_pull"
    id: Mapped[Id]
    number: Mapped[UUID] = mapped_column(Uuid, unique=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), index=True)
    query: Mapped[str] = mapped_column(Text)
    row_count: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(Text)
    pulled_by: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    pulled_at: Mapped[datetime] = mapped_column(server_default=func.now())
