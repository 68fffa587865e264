"""A circuit and a task become learning curves, with controls; `tasks/` holds one task per file."""
