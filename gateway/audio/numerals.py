"""Which clips make up a number, in each language.

Japanese joins in 万 (ten thousands). Every number below 100, every hundred and every thousand is one clip of its own,
so that its sound changes (三百 さんびゃく, 八千 はっせん) are in the recording; so are counted pieces (一個 いっこ,
六個 ろっこ) and amounts that end in four (四円 よえん). English joins in hundreds, thousands and millions, with "and"
before what is left below a hundred.

Clips: ``n_25`` a number, ``q_25`` that many pieces, ``y_4`` that many yen, ``d_7`` a digit.
"""

from typing import Literal

Language = Literal["ja", "en"]

MAXIMUM = 99_999_999


def number(value: int, language: Language) -> tuple[str, ...]:
    """Names of the clips that read a number, 0 to ``MAXIMUM``. ``ValueError`` beyond."""
    _check(value)
    if value == 0:
        return ("n_0",)
    return _japanese(value) if language == "ja" else _english(value)


def quantity(value: int, language: Language) -> tuple[str, ...]:
    """Names of the clips that read so many pieces, 0 to ``MAXIMUM``."""
    if language == "en":
        return (*number(value, "en"), "q_piece" if value == 1 else "q_pieces")
    return _counted(value, "q", range(1, 100))


def yen(value: int, language: Language) -> tuple[str, ...]:
    """Names of the clips that read so many yen, 0 to ``MAXIMUM``."""
    if language == "en":
        return (*number(value, "en"), "y_yen")
    return _counted(value, "y", range(4, 100, 10))


def digits(text: str) -> tuple[str, ...]:
    """Names of the clips that read decimal digits one by one. ``ValueError`` for anything else."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a row of digits")
    return tuple(f"d_{digit}" for digit in text)


def clip_names(language: Language) -> tuple[str, ...]:
    """Every clip that the functions above may name."""
    names = [f"n_{value}" for value in range(100)] + [f"n_{value}00" for value in range(1, 10)]
    names += [f"d_{digit}" for digit in range(10)] + ["y_yen"]
    if language == "en":
        return (*names, *(f"n_{value}00_and" for value in range(1, 10)), *_EN_JOINTS, "q_piece", "q_pieces")
    names += [f"n_{value}000" for value in range(1, 10)] + ["n_man", "q_pieces"]
    names += [f"q_{value}" for value in range(1, 100)] + [f"q_{value}00" for value in range(1, 10)]
    return (*names, *(f"y_{value}" for value in range(4, 100, 10)))


_EN_JOINTS = ("n_and", "n_thousand", "n_million")


def _check(value: int) -> None:
    if not 0 <= value <= MAXIMUM:
        raise ValueError(f"{value} can't be read out: numbers go from 0 to {MAXIMUM}")


def _japanese(value: int) -> tuple[str, ...]:
    """1 to 99,999,999; nothing for 0."""
    tens_of_thousands, rest = divmod(value, 10_000)
    head = (*_japanese(tens_of_thousands), "n_man") if tens_of_thousands else ()
    thousands, hundreds, below = rest // 1000, rest // 100 % 10, rest % 100
    return (
        *head,
        *([f"n_{thousands}000"] if thousands else []),
        *([f"n_{hundreds}00"] if hundreds else []),
        *([f"n_{below}"] if below else []),
    )


def _counted(value: int, kind: str, changed: range) -> tuple[str, ...]:
    """Japanese with a counter: the last clip carries it where it changes the number's sound, else it stands alone."""
    *head, last = number(value, "ja")
    below, hundreds = value % 100, value // 100 % 10
    if below in changed:
        return (*head, f"{kind}_{below}")
    if kind == "q" and not below and hundreds:
        return (*head, f"q_{hundreds}00")
    return (*head, last, "q_pieces" if kind == "q" else "y_yen")


def _english(value: int) -> tuple[str, ...]:
    """1 to 99,999,999."""
    clips: list[str] = []
    millions, rest = divmod(value, 1_000_000)
    thousands, below = divmod(rest, 1000)
    for count, joint in ((millions, "n_million"), (thousands, "n_thousand")):
        if count:
            clips += [*_english_below_1000(count), joint]
    if below and below < 100 and clips:
        clips.append("n_and")
    return (*clips, *_english_below_1000(below))


def _english_below_1000(value: int) -> tuple[str, ...]:
    hundreds, below = divmod(value, 100)
    if hundreds and below:
        return (f"n_{hundreds}00_and", f"n_{below}")
    if hundreds:
        return (f"n_{hundreds}00",)
    return (f"n_{below}",) if below else ()
