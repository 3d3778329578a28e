"""Tables in Markdown files, between two comments:

    <!-- measured: NAME -->
    ...
    <!-- end: NAME -->
"""
import pathlib


def replaced(text: str, name: str, content: str) -> str:
    """`text` with `content` between the comments of `name`. Fails with ValueError if they are not there once each."""
    begin, end = f"<!-- measured: {name} -->\n", f"<!-- end: {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"expected one '{begin.strip()}' before one '{end}'")
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    return f"{head}{begin}{content.rstrip()}\n{end}{tail}"


def write(path: pathlib.Path, name: str, content: str) -> None:
    """Puts `content` into the file. Errors name the file."""
    try:
        path.write_text(replaced(path.read_text(), name, content))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
