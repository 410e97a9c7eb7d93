"""The plugin host as a service of Daydream: its start, settings and schema. The host itself is qhana_plugin_runner."""
