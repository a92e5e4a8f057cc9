"""The rules that turn ticks into awards, one family a module; `protocol.allocation` finds them."""
