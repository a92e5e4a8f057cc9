"""`circles demo`: a made-up circle, played through the real code and served on this computer."""

from circles.demo.serving import main

__all__ = ["main"]
