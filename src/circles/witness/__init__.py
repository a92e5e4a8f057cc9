"""A witness: it watches other circles' logs, and cosigns while each goes on from what it was.

It knows the protocol and files, and nothing of a server: whoever wants to may run it anywhere.

    circles witness key FOLDER witness.example/oak-street
    circles witness follow FOLDER https://circles.example/c/maple-row
    circles witness look FOLDER --every 60

What it cosigned stands in `FOLDER/public/`, for any web server to show. Two histories of one log,
both signed by it, are kept in `FOLDER/forks/` as evidence; that log is never cosigned again.
"""
