"""Month's end, and everything else that the clock does: close, open, count, allocate, post.

from circles import closing

await closing.advance(host, circle_id)     # whatever is due in one circle
await closing.tick(host)                   # in all of them
"""

from circles.closing.advance import advance
from circles.closing.ticking import rest, tick, tick_soon

__all__ = ["advance", "rest", "tick", "tick_soon"]
