"""The registry's client finds resources by what they are for."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from qhana_plugin_runner.fetching import AddressRefusedError
from qhana_plugin_runner.registry_client import PLUGIN_REGISTRY_CLIENT, PluginRegistryClient
from qhana_plugin_runner.requests import open_url

from tests.support.odd_server import OddServer, plain


def link(href: str, kind: str, *rel: str) -> dict[str, Any]:
    return {"href": href, "resourceType": kind, "rel": list(rel)}


class Registry(OddServer):
    """Two plugins in a collection, below the root's API links, which lead back to the root too."""

    def __init__(self) -> None:
        super().__init__(self._reply)

    def _reply(self, connection: socket.socket, path: str) -> None:
        base = self.url
        root = link(f"{base}/api/", "api", "api")
        plugins = link(f"{base}/plugins/", "plugin", "collection", "api")
        first = {"self": link(f"{base}/plugins/1/", "plugin"), "name": "one"}
        second = {"self": link(f"{base}/plugins/2/", "plugin"), "name": "two"}
        pages: dict[str, Any] = {
            "/api/": {"data": {"self": root}, "links": [root, plugins, link(f"{base}/loop/", "api", "api")]},
            "/loop/": {"data": {"self": link(f"{base}/loop/", "api", "api")}, "links": [root]},
            "/plugins/": {
                "data": {"self": plugins, "items": [first["self"], second["self"]]},
                "links": [root, link(f"{base}/plugins/new/", "plugin", "post")],
                "embedded": [{"data": first, "links": [link(f"{base}/plugins/1/", "plugin", "delete")]}],
            },
            "/plugins/1/": {"data": first, "links": []},
            "/plugins/2/": {"data": second, "links": []},
            "/odd/": ["no resource"],
        }
        page = pages.get(path.partition("?")[0])
        connection.sendall(plain(status="204 No Content") if page is None else plain(json.dumps(page).encode()))

    def paths(self) -> list[str]:
        return [request.split(" ")[1] for request in self.requests]


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running  # type: ignore[misc]


@pytest.fixture
def client(registry: Registry) -> Iterator[PluginRegistryClient]:
    app = Flask("host")
    app.config.update(PLUGIN_REGISTRY_URL=f"{registry.url}/api/")
    made = PluginRegistryClient(app)
    with app.app_context(), made as entered:
        yield entered


def test_a_plugin_is_found_from_the_root_without_asking_for_what_came_embedded(
    client: PluginRegistryClient, registry: Registry
) -> None:
    found = client.search_by_rel("plugin", {"name": "one"}, allow_collection_resource=False)

    assert found is not None
    assert found.data["name"] == "one"
    assert registry.paths() == ["/api/", "/plugins/?name=one"]


def test_a_path_of_relations_is_followed(client: PluginRegistryClient) -> None:
    collection = client.fetch_by_rel([["plugin", "collection"]])
    plugin = client.fetch_by_rel(["plugin", "plugin"], allow_collection_resource=False)

    assert collection is not None
    assert collection.is_collection_resource()
    assert plugin is not None
    assert plugin.data["name"] == "one"


def test_what_is_not_there_is_not_found_and_links_in_a_circle_end(client: PluginRegistryClient) -> None:
    assert client.search_by_rel("workflow") is None
    assert client.fetch_by_rel(["workflow", "plugin"]) is None


def test_a_link_is_followed_by_the_method_it_names(client: PluginRegistryClient, registry: Registry) -> None:
    answer = client.fetch_by_api_link(link(f"{registry.url}/plugins/9/", "plugin", "delete"))  # type: ignore[arg-type]

    assert answer.data["self"]["resourceType"] == "accepted"
    assert registry.requests[-1].startswith("DELETE /plugins/9/")


def test_a_path_may_end_in_something_to_do(client: PluginRegistryClient, registry: Registry) -> None:
    answer = client.fetch_by_rel(["plugin", ["plugin", "post"]], query_params={"url": "x"})

    assert answer is not None
    assert registry.requests[-1].startswith("POST /plugins/new/?url=x ")
    assert client.fetch_by_rel(["plugin", ["plugin", "put"]]) is None


def test_descriptions_of_the_api_are_remembered_and_search_results_for_the_search(
    client: PluginRegistryClient, registry: Registry
) -> None:
    for _ in range(2):
        client.fetch_by_api_link(link(f"{registry.url}/plugins/2/", "plugin"))  # type: ignore[arg-type]
    with client as later:
        later.fetch_by_api_link(link(f"{registry.url}/plugins/2/", "plugin"))  # type: ignore[arg-type]

    assert registry.paths() == ["/plugins/2/", "/plugins/2/"]


def test_an_answer_that_is_no_resource_is_refused(client: PluginRegistryClient, registry: Registry) -> None:
    with pytest.raises(ValueError, match="no answer of a plugin registry"):
        client.fetch_by_api_link(link(f"{registry.url}/odd/", "api"))  # type: ignore[arg-type]


def test_only_the_registry_itself_may_be_at_a_private_address(client: PluginRegistryClient, registry: Registry) -> None:
    assert client.search_by_rel("plugin") is not None

    with pytest.raises(AddressRefusedError):
        client.fetch_by_api_link(link("http://10.0.0.1/", "api"))  # type: ignore[arg-type]
    with pytest.raises(AddressRefusedError):
        open_url(f"{registry.url}/api/")


def test_without_a_registry_there_is_nothing_to_ask() -> None:
    assert not PLUGIN_REGISTRY_CLIENT.ready
    with pytest.raises(ValueError, match="PLUGIN_REGISTRY_URL"):
        PLUGIN_REGISTRY_CLIENT.search_by_rel("plugin")
