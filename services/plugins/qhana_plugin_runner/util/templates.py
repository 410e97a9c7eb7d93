"""Templates of the plugin host in the registry's sense: plugins in categories, chosen by their tags."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

FilterExpr = str | Mapping[str, Any]
"""A tag, or `{"and": [...]}`, `{"or": [...]}`, `{"not": ...}` of such."""


@dataclass
class QHanaTemplateCategory:
    """A group of plugins."""

    name: str
    description: str
    plugin_filter: FilterExpr

    @property
    def identifier(self) -> str:
        """Its name, as it stands in URLs."""
        return self.name.lower().replace(" ", "-")

    @classmethod
    def from_dict(cls, category_dict: Mapping[str, Any]) -> "QHanaTemplateCategory":
        """Read `{"name", "description", "filter"}`; raises KeyError."""
        return cls(category_dict["name"], category_dict.get("description", ""), category_dict["filter"])

    @staticmethod
    def tags_match_expr(tags: Collection[str], expr: FilterExpr) -> bool:
        """Whether these tags satisfy the expression; one that cannot be read is satisfied by none."""
        match = QHanaTemplateCategory.tags_match_expr
        if isinstance(expr, str):
            return expr in tags
        if len(expr) != 1:
            return False
        ((operator, operands),) = expr.items()
        if operator == "not":
            return not match(tags, operands)
        if operator == "and":
            return all(match(tags, one) for one in operands)
        if operator == "or":
            return any(match(tags, one) for one in operands)
        return False
