"""People with a login, and keys for programs."""

from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from biobank.cli.connect import in_tx
from biobank.settings import Settings

if TYPE_CHECKING:
    from biobank.tx import Tx


@click.group()
def user() -> None:
    """People with a login."""


@user.command("create")
@click.argument("username")
@click.option("--name", required=True, help="Name shown on pages.")
@click.option("--role", help="A role to begin with, for example administrator or technician.")
@click.option("--study", help="Code of the study the role is held in.")
@click.option("--site", help="Code of the site; none means all of the study's.")
@click.option("--no-password", is_flag=True, help="API tokens only.")
@click.password_option(
    prompt_required=False,
    default=None,
    help="Asked for when it is not given; BIOBANK_PASSWORD works too.",
    envvar="BIOBANK_PASSWORD",
)
@click.pass_obj
def create_user(
    settings: Settings,
    username: str,
    name: str,
    role: str | None,
    study: str | None,
    site: str | None,
    no_password: bool,
    password: str | None,
) -> None:
    """Create a user, with a role if one is named."""
    from biobank.access import commands

    if password is None and not no_password:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    spec = commands.CreateUser(
        username=username, display_name=name, password=None if password is None else SecretStr(password)
    )

    async def work(tx: "Tx") -> None:
        await commands.create_user(tx, spec)
        if role is not None:
            await commands.grant_role(tx, username, commands.GrantRole(role=role, study=study, site=site))

    in_tx(settings, work)
    click.echo(f"user {username} created")


@click.group()
def token() -> None:
    """Keys for programs."""


@token.command("create")
@click.argument("username")
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 730), default=90, show_default=True, help="Days until it expires.")
@click.pass_obj
def create_token(settings: Settings, username: str, name: str, days: int) -> None:
    """Make an API token for a user and print it, this once."""
    from biobank.access import commands

    made = in_tx(settings, lambda tx: commands.create_token(tx, username, commands.CreateToken(name=name, days=days)))
    click.echo(f"expires {made.expires_at:%Y-%m-%d}; this is shown only now:", err=True)
    click.echo(made.token)
