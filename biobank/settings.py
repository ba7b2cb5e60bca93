"""Every setting of the service, read once from the environment; an invalid value refuses to start and says which."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024


class SettingsError(Exception):
    """A setting that cannot be used; the message names its environment variable."""


@dataclass(frozen=True, slots=True)
class Lockout:
    """After how many wrong passwords in a row an account is locked, and for how many minutes."""

    attempts: int = 5
    minutes: int = 15


class Settings(BaseSettings):
    """Read from `BIOBANK_*` environment variables."""

    model_config = SettingsConfigDict(env_prefix="BIOBANK_", frozen=True, extra="ignore")

    data: Annotated[Path, Field(description="Folder of the embedded PostgreSQL.")] = Path(".data")
    database_url: Annotated[
        SecretStr | None,
        Field(description="postgresql://… of a server; without it an embedded PostgreSQL runs from the data folder."),
    ] = None
    database_role: Annotated[
        str,
        Field(
            pattern=r"^[a-z_][a-z0-9_]{0,62}$",
            description="The restricted role that the service works as in the database.",
        ),
    ] = "biobank_app"
    pool_size: Annotated[
        int,
        Field(ge=2, le=200, description="Connections of one process to the database in each of its three pools."),
    ] = 8
    host: Annotated[str, Field(description="Address the web server listens on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port of the web server; 0 takes a free one.")] = 8000
    public_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/]+$",
            description="Address people use when a proxy stands in front; https makes cookies secure.",
        ),
    ] = None
    trusted_proxies: Annotated[
        str, Field(description="Addresses whose X-Forwarded-For is believed, separated by commas.")
    ] = "127.0.0.1"
    session_hours: Annotated[int, Field(ge=1, le=168, description="Hours after which a login ends.")] = 12
    session_idle_minutes: Annotated[
        int, Field(ge=5, le=1440, description="Minutes without a request after which a login ends.")
    ] = 60
    login_attempts: Annotated[int, Field(ge=3, le=100, description="Failed logins in a row that lock an account.")] = 5
    lock_minutes: Annotated[int, Field(ge=1, le=1440, description="Minutes a locked account stays locked.")] = 15
    upload_bytes: Annotated[int, Field(ge=1024, le=1024 * MEBIBYTE, description="Largest accepted upload.")] = (
        32 * MEBIBYTE
    )
    seal_seconds: Annotated[int, Field(ge=1, le=3600, description="Seconds between two seals of the audit trail.")] = 30
    print_seconds: Annotated[
        int, Field(ge=1, le=3600, description="Seconds between two looks for print jobs that wait.")
    ] = 2
    printer_answer_seconds: Annotated[
        int, Field(ge=1, le=120, description="Seconds in which a printer answers, or counts as one that does not.")
    ] = 5
    printer_done_seconds: Annotated[
        int,
        Field(
            ge=5,
            le=3600,
            description="Seconds without a further label after which nobody knows whether a job came out.",
        ),
    ] = 120
    log_format: Annotated[Literal["json", "text"], Field(description="Shape of the log lines.")] = "json"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="Least level that is logged.")
    ] = "info"
    demo: Annotated[bool, Field(description="Whether an empty database is filled with the demo study at start.")] = (
        False
    )

    @property
    def secure_cookies(self) -> bool:
        return self.public_url is not None and self.public_url.startswith("https://")

    @property
    def lockout(self) -> Lockout:
        return Lockout(self.login_attempts, self.lock_minutes)


def load_settings(**overrides: object) -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: naming every variable that is wrong and why.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # overrides are validated by the model like the environment
    except ValidationError as error:
        lines = [f"BIOBANK_{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
        raise SettingsError("These settings cannot be used:\n  " + "\n  ".join(lines)) from None
