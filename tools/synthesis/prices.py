"""What tokens cost: from the table in the settings, never from a model."""

from tools.settings import Price, Settings
from tools.synthesis.teaching import Usage

ASSUMED = Price(input=1.0, output=4.0)


def price_of(settings: Settings) -> tuple[Price, bool]:
    """The teacher's price, and whether the table names it; an unknown one is assumed, and said to be."""
    known = settings.prices.get(settings.teacher_model)
    return (known, True) if known else (ASSUMED, False)


def priced(price: Price, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Usage:
    """The tokens with their cost in US dollars; `input_tokens` include the cached ones."""
    cached_price = price.input if price.cached is None else price.cached
    fresh = max(0, input_tokens - cached_tokens) * price.input
    usd = (fresh + cached_tokens * cached_price + output_tokens * price.output) / 1e6
    return Usage(input_tokens=input_tokens, cached_tokens=cached_tokens, output_tokens=output_tokens, usd=usd)
