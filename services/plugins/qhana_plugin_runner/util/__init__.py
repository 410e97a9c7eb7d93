"""What the host and plugins share: the base class of plugins, configuration, templates, logs."""
