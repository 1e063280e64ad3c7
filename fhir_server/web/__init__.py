"""The pages of the care team. So far the first page: what this server is, where it answers, how to try it.

Rendered on the server, whole without scripts, styled by our own small sheet; nothing is fetched from elsewhere. A page
is a pure function from a frozen value to bytes (`home.py`) and a template beside it that escapes all it is given; the
application routes it and sets the headers. May import the values of `outcome` and `request`, no store and no pipeline.
To add a page: a dataclass, a function, a template, and a test that reads the page as a screen reader would.
"""
