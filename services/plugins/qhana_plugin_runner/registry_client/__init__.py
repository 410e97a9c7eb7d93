"""The plugin registry that this host may know (`PLUGIN_REGISTRY_URL`)."""

from .client import PluginRegistryClient
from .types import ApiLink, ApiResponse

__all__ = ["PLUGIN_REGISTRY_CLIENT", "ApiLink", "ApiResponse", "PluginRegistryClient"]

PLUGIN_REGISTRY_CLIENT = PluginRegistryClient()
