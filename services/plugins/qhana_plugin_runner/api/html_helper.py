"""How a blueprint says that a view answers with a page."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast


class HtmlResponseMixin:
    """For a blueprint of flask-smorest."""

    def html_response(
        self,
        status_code: int | str | HTTPStatus,
        *,
        description: str | None = None,
        example: Any = None,
        examples: Any = None,
        headers: dict[str, Any] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Describe a page among the answers of the decorated view; what it answers is left as it is."""
        decorator = self.alt_response(  # type: ignore[attr-defined]
            int(status_code),
            schema={"type": "string"},
            content_type="text/html",
            description=description,
            example=example,
            examples=examples,
            headers=headers,
            success=int(status_code) < HTTPStatus.BAD_REQUEST,
        )
        return cast("Callable[[Callable[..., Any]], Callable[..., Any]]", decorator)
