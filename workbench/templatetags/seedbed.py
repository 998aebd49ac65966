"""How numbers, times, states and icons look on every page."""

from datetime import UTC, datetime

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workbench.advice import trials
from workbench.charts.frame import WORDS
from workbench.views.contexts.figures import Figure, Interval

register = template.Library()
NOTHING = "\N{EN DASH}"  # shown where a number was not measured
RESULTS = {"n_test": "test pictures", "project_id": "Label Studio project"}
MINUS = "\N{MINUS SIGN}"  # as wide as a plus


@register.filter
def percent(fraction: float | None, digits: int = 1) -> str:
    """0.8764 -> "87.6 %" """
    return NOTHING if fraction is None else f"{100 * fraction:.{digits}f} %"


@register.filter
def hundred(fraction: float | None) -> str:
    """0.8764 -> "87.6": a per cent whose sign stands elsewhere"""
    return NOTHING if fraction is None else f"{100 * fraction:.1f}"


@register.filter
def metric(name: str) -> str:
    """A metric as a person reads it: "macro_f1" -> "Macro F1" """
    return WORDS.get(name, name)


@register.filter
def points(fraction: float | None) -> str:
    """A difference of fractions in percentage points, signed: 0.031 -> "+3.1" """
    return NOTHING if fraction is None else f"{100 * fraction:+.1f}".replace("-", MINUS)


@register.filter
def number(value: float | None, digits: int = 0) -> str:
    """12345 -> "12,345" """
    return NOTHING if value is None else f"{value:,.{digits}f}"


@register.filter
def tiny(value: float | None) -> str:
    """0.0000023 -> "2.3e-06" """
    return NOTHING if value is None else f"{value:.1e}"


@register.filter
def duration(seconds: float | None) -> str:
    """75.2 -> "1 min 15 s" """
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    href = f"{static('workbench/vendor/icons/sprite.svg')}#{name}"
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}"></use></svg>', css, href)


@register.simple_tag
def moment(at: datetime | None) -> str | SafeString:
    """A time that own JavaScript turns into "3 minutes ago"; without it, the full time stands there."""
    if at is None:
        return NOTHING
    at = at.astimezone(UTC)
    absolute = f"{at:%d %b %Y, %H:%M:%S} UTC"
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>', at.isoformat(), absolute, absolute
    )


@register.simple_tag
def state(name: str) -> SafeString:
    """A state as a dot and a word: the word alone must tell it."""
    return format_html('<span class="state state-{}">{}</span>', name, name)


@register.simple_tag
def simulated() -> SafeString:
    return format_html(
        '<span class="badge badge-quiet" title="{}">simulated</span>',
        "Not a person: a program that labels with a stated error rate",
    )


@register.filter
def p_value(p: float) -> str:
    """0.0004 -> "p < 0.001" """
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


@register.simple_tag
def luck() -> str:
    """What the interval of a comparison leaves out, in the words that advice has for it."""
    return trials.LUCK


@register.simple_tag
def interval(found: Interval | None) -> str | SafeString:
    """A fraction in per cent with its 95 % interval."""
    if found is None:
        return NOTHING
    return format_html(
        '<span class="nowrap">{} <span class="interval" title="95 % interval">{} to {}</span></span>',
        percent(found.value),
        f"{100 * found.low:.1f}",
        f"{100 * found.high:.1f}",
    )


@register.simple_tag
def figure(found: Figure | None) -> str | SafeString:
    """A loss with its 95 % interval, where it has one."""
    if found is None:
        return NOTHING
    if found.low is None or found.high is None:
        return format_html('<span class="num">{}</span>', f"{found.value:.3f}")
    return format_html(
        '<span class="nowrap num">{} <span class="interval" title="95 % interval">{} to {}</span></span>',
        *(f"{end:.3f}" for end in (found.value, found.low, found.high)),
    )


@register.simple_tag
def measured(found: Figure | None, is_share: bool) -> str | SafeString:
    """A score in per cent or a loss, with its 95 % interval."""
    if found is None or not is_share or found.low is None or found.high is None:
        return figure(found)
    return interval(Interval(found.value, found.low, found.high))


@register.simple_tag
def gained(found: Interval | None, is_share: bool) -> str | SafeString:
    """A gain in percentage points, or of a loss, signed, with its 95 % interval."""
    if found is None:
        return NOTHING
    shown = points if is_share else signed
    ends = (shown(end) for end in (found.value, found.low, found.high))
    return format_html(
        '<span class="nowrap"><strong>{}</strong> <span class="interval" title="95 % interval">{} to {}'
        "</span></span>",
        *ends,
    )


@register.filter
def signed(value: float) -> str:
    """-0.0312 -> "\N{MINUS SIGN}0.031" """
    return f"{value:+.3f}".replace("-", MINUS)


@register.simple_tag
def bars(train: int, test: int, largest: int) -> SafeString:
    """One class as a bar of two parts.  Attributes of SVG, for the page may carry no inline style."""
    first, second = (f"{100 * count / largest:.2f}" for count in (train, test))
    return format_html(
        '<svg class="bars-svg" viewBox="0 0 100 10" preserveAspectRatio="none">'
        '<rect class="bar-train" width="{}" height="10"/>'
        '<rect class="bar-test" x="{}" width="{}" height="10"/></svg>',
        first,
        first,
        second,
    )


@register.filter
def result_name(name: str) -> str:
    """What a job's result calls a figure, as a person reads it: "n_test" -> "test pictures" """
    return RESULTS.get(name, name.replace("_", " "))


@register.filter
def choice(value: object) -> str:
    """One choice of a recipe or one line of a receipt, as a person writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {choice(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(choice(part) for part in value) or "none"
    return str(value)
