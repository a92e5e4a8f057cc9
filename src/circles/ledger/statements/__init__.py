"""A bank's file becomes statements and lines. Pure: bytes in, values and problems out, no database.

`reading.read(data)` keeps all of it; `reading.events(file)` streams, for files of any size.
"""
