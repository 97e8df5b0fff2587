"""The loop that carries events to the planner and actions from it."""
