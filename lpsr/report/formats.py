"""Numbers as they are printed in every language: decimal points, a true minus, intervals in brackets."""

from lpsr.report.shapes import Cell
from lpsr.report.statistics import Estimate


def number(value: float, digits: int) -> str:
    """Fixed digits, and no minus before a zero."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", "−")


def signed(value: float, digits: int) -> str:
    """With its sign, "+" too; a zero as it is printed has none."""
    text = number(value, digits)
    return text if text[0] == "−" or not text.strip("0.") else f"+{text}"


def interval(low: float, high: float, digits: int) -> str:
    """ "[low, high]"."""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def level(estimate: Estimate, digits: int) -> str:
    """ "value [low, high]"."""
    return f"{number(estimate.value, digits)} {interval(estimate.low, estimate.high, digits)}"


def change(estimate: Estimate, digits: int) -> str:
    """ "±value [±low, ±high]"."""
    low, high = signed(estimate.low, digits), signed(estimate.high, digits)
    return f"{signed(estimate.value, digits)} [{low}, {high}]"


def percent(estimate: Estimate) -> Estimate:
    """A share in %."""
    return estimate._replace(value=100 * estimate.value, low=100 * estimate.low, high=100 * estimate.high)


def cell(estimate: Estimate | None, digits: int, *, difference: bool = False) -> Cell:
    """A table's cell with its interval; a dash for None."""
    if estimate is None:
        return Cell("–")
    text = change(estimate, digits) if difference else level(estimate, digits)
    return Cell(text, estimate.value, estimate.low, estimate.high)


def count(value: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f")
