"""A console that shows what others have written as the text that it is.

Names of programs, users and pools come from whoever sends telemetry. Rich takes a name like `[/x]`
for markup, and ends the command with an exception; an escape sequence in one it hands on to the
terminal, which clears the screen, or types what it is told to.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

# C0 without the line's end, DEL, C1, what turns the direction of the text around, and halves of
# characters: JSON has them as escapes, and no output takes one.
_ACTING = (*range(10), *range(11, 32), *range(0x7F, 0xA0), *range(0x202A, 0x202F),
           *range(0x2066, 0x206A), *range(0xD800, 0xE000))  # fmt: skip
_HARMLESS = dict.fromkeys(_ACTING, "\N{REPLACEMENT CHARACTER}")


def harmless(text: str) -> str:
    r"""Return the text with a mark for each character that a terminal would act upon.

    Examples
    --------
    >>> harmless("mail\x1b[2J\x9b2J\rgit\u202e")
    'mail�[2J�2J�git�'
    >>> harmless("two\nlines, a [/tag], naïve 日本")
    'two\nlines, a [/tag], naïve 日本'
    >>> harmless("half \ud83d")
    'half �'
    """
    return text.translate(_HARMLESS)


class Terminal(Console):
    """A console that shows markup, emoji codes and control characters instead of obeying them."""

    def __init__(self, **more: Any) -> None:
        super().__init__(markup=False, emoji=False, **more)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Give the pieces of what is shown; rich's own control codes are pieces of another kind."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(harmless(text), style)

    def error(self, message: object) -> None:
        """Say what went wrong."""
        self.print(Text.assemble(("error:", "red"), f" {message}"), soft_wrap=True)
