"""The query parameters of lists."""

from typing import Annotated

from litestar.params import QueryParameter

After = Annotated[int, QueryParameter(name="after", ge=0, description="The `next` of the page before.", required=False)]
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=500, description="Rows on a page.", required=False)]
