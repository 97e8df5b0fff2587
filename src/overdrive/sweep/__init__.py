"""The logic of a sweep: configuration, planner, replay. Pure."""
