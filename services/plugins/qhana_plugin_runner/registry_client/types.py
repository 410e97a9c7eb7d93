"""Answers of a plugin registry, which are resources with links."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypedDict


class ApiLinkBase(TypedDict):
    """What every link says."""

    href: str
    resourceType: str
    rel: Sequence[str]


class ApiLink(ApiLinkBase, total=False):
    """What a link may say."""

    schema: str
    doc: str
    name: str
    resourceKey: Mapping[str, str]


class KeyedApiLink(ApiLink, total=False):
    """A link with variables."""

    key: Sequence[str]
    queryKey: Sequence[str]


def _rels(link: ApiLink) -> set[str]:
    return {*link["rel"], link["resourceType"]}


def _wanted(rel: str | Sequence[str]) -> set[str]:
    return {rel} if isinstance(rel, str) else set(rel)


def match_api_link(link: ApiLink, rel: Set[str], resource_type: str | None = None) -> bool:
    """Whether a link has all these relations (its resource's type is one), and leads to this type."""
    return resource_type in {None, link["resourceType"]} and _rels(link) >= rel


@dataclass
class ApiResponse:
    """One resource."""

    data: Mapping[str, Any]
    """The resource; `self` is its own link, `items` the links of a collection."""
    links: Sequence[ApiLink]
    """Where one can go from here."""
    keyed_links: Sequence[KeyedApiLink] = ()
    """Links with variables."""
    embedded: "Mapping[str, ApiResponse] | None" = None
    """Resources that came with it, by URL."""

    @property
    def self(self) -> str:
        """Its URL."""
        return str(self.data["self"]["href"])

    def get_links_by_rel(self, rel: str | Sequence[str], resource_type: str | None = None) -> tuple[ApiLink, ...]:
        """The links that have all these relations."""
        return tuple(link for link in self.links if match_api_link(link, _wanted(rel), resource_type))

    def matches_rel(self, rel: str | Sequence[str], resource_type: str | None = None) -> bool:
        """Whether the resource itself has all these relations."""
        return match_api_link(self.data["self"], _wanted(rel), resource_type)

    def is_collection_resource(self) -> bool:
        """Whether it is a list of others, or a page of one."""
        return self.matches_rel("collection") or self.matches_rel("page")
