"""The demo: a made-up circle played through the real code. See docs/architecture.md."""
