"""The studio: the sweeps of a workspace in a browser, live."""
