"""A small client of a plugin registry: it finds resources by what they are for, starting at the registry's root."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from flask import Flask, current_app, has_app_context
from qhana_plugin_runner.requests import GuardedRequests

from .types import ApiLink, ApiResponse

_CACHE_SECONDS = 24 * 60 * 60
_METHODS = ("post", "put", "delete")
# A registry whose links go round in circles is left at this depth.
_DEEPEST = 12


class PluginRegistryClient:
    """Used in a `with` statement for one search, whose answers are then asked for once only.

    Resources that describe the API itself are remembered for a day. `PLUGIN_REGISTRY_URL` says where the registry is,
    which may be a private address; wherever else its links lead is subject to the host's URL rules.
    """

    def __init__(self, app: Flask | None = None, timeout: float = 5) -> None:
        self._timeout = timeout
        self._url: str | None = None
        self._api: dict[str, tuple[float, ApiResponse]] = {}
        self._search: dict[str, ApiResponse] | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Read the configuration."""
        self._url = app.config.get("PLUGIN_REGISTRY_URL")

    def __enter__(self) -> "PluginRegistryClient":
        # A client of its own for each search: several threads may search at the same time.
        client = PluginRegistryClient(timeout=self._timeout)
        client._url, client._api, client._search = self._url, self._api, {}
        return client

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    @property
    def plugin_registry_url(self) -> str | None:
        """Where the registry is; None without one."""
        url = current_app.config.get("PLUGIN_REGISTRY_URL") if has_app_context() else None
        return url or self._url

    @property
    def ready(self) -> bool:
        """Whether there is a registry to ask."""
        return bool(self.plugin_registry_url)

    def fetch_by_api_link(
        self,
        link: ApiLink,
        query_params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        json: Any = None,
    ) -> ApiResponse:
        """What is behind a link, asked for by the method that it names; raises RequestException, ValueError."""
        method = next((method for method in _METHODS if method in link.get("rel", ())), "get")
        return self._fetch(link["href"], method, query_params, body, json)

    def search_by_rel(  # noqa: PLR0917  (the contract)
        self,
        rel: str | Sequence[str],
        query_params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        json: Any = None,
        allow_collection_resource: bool = True,
        base: ApiResponse | None = None,
        ignore_base_match: bool = False,
    ) -> ApiResponse | None:
        """The first resource with this relation, or all of these, from `base` or the root on; None without one.

        `query_params` go with every request. Raises ValueError without a registry, RequestException.
        """
        if base is None:
            if not self.plugin_registry_url:
                raise ValueError("there is no plugin registry (PLUGIN_REGISTRY_URL)")
            base = self._fetch(self.plugin_registry_url, "get", None, None, None)
        search = _Search(self, rel, dict(query_params or {}), body, json, collections=allow_collection_resource)
        return search.down(base, ignore_match=ignore_base_match)

    def fetch_by_rel(  # noqa: PLR0917  (the contract)
        self,
        rels: Sequence[str | Sequence[str]],
        query_params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        json: Any = None,
        allow_collection_resource: bool = True,
        base: ApiResponse | None = None,
    ) -> ApiResponse | None:
        """The resource at the end of a path of relations; None where it breaks off. Raises as `search_by_rel`."""
        found = base
        for number, rel in enumerate(rels, 1):
            last = number == len(rels)
            if last and found is not None and not {*_METHODS}.isdisjoint([rel] if isinstance(rel, str) else rel):
                # Something is to be done, not found: the links of where we are say how.
                links = found.get_links_by_rel(rel)
                return self.fetch_by_api_link(links[0], query_params, body, json) if links else None
            found = self.search_by_rel(
                rel,
                query_params,
                body if last else None,
                json if last else None,
                allow_collection_resource=allow_collection_resource or not last,
                base=found,
                ignore_base_match=True,
            )
            if found is None:
                return None
        return found

    def _fetch(
        self, url: str, method: str, query_params: Mapping[str, Any] | None, body: bytes | None, json: Any
    ) -> ApiResponse:
        asks_plainly = method == "get" and not query_params
        if asks_plainly and self._search and url in self._search:
            return self._search[url]
        if asks_plainly and url in self._api and self._api[url][0] > time.monotonic() - _CACHE_SECONDS:
            return self._api[url][1]
        with GuardedRequests(self.plugin_registry_url).request(
            method, url, params=query_params, data=body, json=json, timeout=self._timeout
        ) as answer:
            answer.raise_for_status()
            if not answer.content:
                accepted = {"href": url, "rel": [], "resourceType": "accepted"}
                return ApiResponse(data={"self": accepted}, links=[])
            response = _read(answer.json())
        if method == "get":
            self._remember(response)
        return response

    def _remember(self, response: ApiResponse) -> None:
        for one in (response, *(response.embedded or {}).values()):
            if one.matches_rel("api"):
                self._api[one.self] = (time.monotonic(), one)
            elif self._search is not None:
                self._search[one.self] = one


class _Search:
    """One search from a resource down."""

    def __init__(
        self,
        client: PluginRegistryClient,
        rel: str | Sequence[str],
        query_params: Mapping[str, Any],
        body: bytes | None,
        json: Any,
        *,
        collections: bool,
    ) -> None:
        self._client = client
        self._rel = rel
        self._query = query_params
        self._body = body
        self._json = json
        self._collections = collections
        self._seen: set[str] = set()

    def down(self, base: ApiResponse, *, ignore_match: bool = False, depth: int = 0) -> ApiResponse | None:
        wanted = self._collections or not base.is_collection_resource()
        if wanted and not ignore_match and base.matches_rel(self._rel):
            return base
        if depth > _DEEPEST or base.self in self._seen:
            return None
        self._seen.add(base.self)
        links = list(base.get_links_by_rel(self._rel))
        if base.is_collection_resource():
            links = list(base.data.get("items", links))
        for link in (*links, *base.get_links_by_rel("api")):
            found = (base.embedded or {}).get(link["href"]) or self._client.fetch_by_api_link(
                link, self._query, self._body, self._json
            )
            result = self.down(found, depth=depth + 1)
            if result is not None:
                return result
        return None


def _read(content: Any) -> ApiResponse:
    """Raises ValueError for what is no resource of a registry."""
    if not isinstance(content, dict) or not {"data", "links"} <= content.keys() or "self" not in content["data"]:
        raise ValueError("this is no answer of a plugin registry")
    embedded = {one["data"]["self"]["href"]: _read(one) for one in content.get("embedded") or ()}
    return ApiResponse(
        data=content["data"],
        links=content["links"],
        keyed_links=content.get("keyedLinks") or (),
        embedded=embedded or None,
    )
