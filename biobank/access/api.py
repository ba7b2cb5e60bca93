"""Users, roles and tokens over JSON."""

from litestar import Controller, Router, get, post
from litestar.params import FromPath, JSONBody
from pydantic import BaseModel, ConfigDict

from biobank.access import commands, queries
from biobank.access.limits import SECRET
from biobank.actor import Permission
from biobank.http.deps import Key, Reading, Writing


class MeView(BaseModel):
    model_config = ConfigDict(frozen=True)
    username: str
    display_name: str
    roles: tuple[str, ...]


class UserController(Controller):
    path = "/users"
    tags = ("Access",)

    @get("/me", operation_id="whoAmI", opt={"permission": Permission.SELF})
    async def me(self, tx: Reading) -> MeView:
        return MeView(username=tx.actor.username, display_name=tx.actor.display_name, roles=tx.actor.roles)

    @get(operation_id="listUsers", opt={"permission": Permission.USER_MANAGE})
    async def users(self, tx: Reading) -> list[queries.UserView]:
        return await queries.users(tx)

    @post(operation_id="createUser", opt={"permission": Permission.USER_MANAGE, "rate": SECRET})
    async def create(self, tx: Writing, data: JSONBody[commands.CreateUser], key: Key) -> queries.UserView:
        return await tx.once(key, data, queries.UserView, lambda: commands.create_user(tx, data))

    @post("/{username:str}/grants", operation_id="grantRole", opt={"permission": Permission.USER_MANAGE})
    async def grant(
        self, tx: Writing, username: FromPath[str], data: JSONBody[commands.GrantRole], key: Key
    ) -> queries.GrantView:
        return await tx.once(key, data, queries.GrantView, lambda: commands.grant_role(tx, username, data), of=username)

    @post(
        "/{username:str}/grants/end",
        operation_id="endRole",
        opt={"permission": Permission.USER_MANAGE},
        status_code=204,
    )
    async def end(self, tx: Writing, username: FromPath[str], data: JSONBody[commands.GrantRole]) -> None:
        await commands.end_role(tx, username, data)


class TokenController(Controller):
    path = "/tokens"
    tags = ("Access",)

    @get(operation_id="listTokens", opt={"permission": Permission.SELF})
    async def tokens(self, tx: Reading) -> list[queries.TokenView]:
        return list(await queries.tokens(tx, tx.actor.user_id or 0))

    @post(operation_id="createToken", opt={"permission": Permission.SELF, "rate": SECRET})
    async def create(self, tx: Writing, data: JSONBody[commands.CreateToken]) -> commands.NewToken:
        # No idempotency key: its receipt would keep the token, which is never stored.
        return await commands.create_token(tx, tx.actor.username, data)

    @post("/{name:str}/revoke", operation_id="revokeToken", opt={"permission": Permission.SELF}, status_code=200)
    async def revoke(self, tx: Writing, name: FromPath[str]) -> queries.TokenView:
        return await commands.revoke_token(tx, name)


router = Router("/api/v1", route_handlers=[UserController, TokenController])
