"""`python -m circles` is the same as the command `circles`."""

from circles.cli import command

command()
