"""Memory: the only place where controller, SDK, studio, widget and command line meet."""
