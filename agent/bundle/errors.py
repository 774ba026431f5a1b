"""What goes wrong with bundles, in a line."""


class BundleError(Exception):
    """The bundle, its key or its folder is not as it should be; the message is one line."""
