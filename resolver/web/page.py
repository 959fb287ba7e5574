"""The page as a whole: readable as it comes, without a script; live where there is one. Pure.

Panels are redrawn by their id (`PANELS`), so nothing that has the focus may stand in one: forms
stand beside. The token goes into forms only where the browser has just sent it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from resolver import __version__
from resolver.runtime.duration import duration
from resolver.web import panels, panels_known
from resolver.web.html import Html, joined, tag, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from resolver.web.panels import View


class Panel(NamedTuple):
    """*draw* makes it of a View. *is_named*: it names what people ask for."""

    id: str
    title: str
    draw: Callable[[View], Html]
    is_named: bool = False


PANELS: Final = (
    Panel("link", "Link", panels.link),
    Panel("answers", "Answers", panels.answers),
    Panel("day", "The last 24 hours", panels.day),
    Panel("zones", "Zones in trouble", panels_known.zones, is_named=True),
    Panel("servers", "Servers", panels_known.servers, is_named=True),
    Panel("warm", "Kept warm", panels_known.warm, is_named=True),
    Panel("kept", "What is kept", panels.kept),
)
_LAST: Final = "kept"
TYPES: Final = ("A", "AAAA", "CNAME", "MX", "NS", "TXT", "SOA", "PTR", "SRV", "HTTPS", "DS", "CAA")


def fragments(view: View) -> dict[str, Html]:
    """What there is to be drawn, by the id of its place."""
    drawn = {"glance": panels.glance(view), "state": _state(view)}
    for panel in PANELS:
        if view.is_trusted or not panel.is_named:
            drawn[panel.id] = panel.draw(view)
    return drawn


def document(
    view: View | None,
    *,
    token: str = "",
    where: str = "",
    result: Html | None = None,
    place: str = "",
    said: str = "",
) -> str:
    """The whole page; *view* None: the daemon has not answered yet. *result* of a form
    belongs to *place*; *said*: what went wrong."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", "resolver"),
        tag("link", rel="icon", href="/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/page.css"),
        Html('<script src="/page.js" defer></script>'),
    )
    body = _waiting(said, where) if view is None else _body(view, token, where, result, place, said)
    return f"<!doctype html>\n{tag('html', head, tag('body', body), lang='en')}\n"


def _waiting(said: str, where: str) -> Html:
    """Nothing is known yet, or nothing may be shown."""
    return joined((
        tag("header", tag("h1", "resolver"), tag("span", "", id="live", role="status")),
        tag("main", tag("p", said, id="said", role="alert"), _door(where)),
    ))  # fmt: skip


def _body(view: View, token: str, where: str, result: Html | None, place: str, said: str) -> Html:
    drawn = fragments(view)
    first = [_panel(one, drawn) for one in PANELS if one.id in drawn and one.id != _LAST]
    last = [_panel(one, drawn) for one in PANELS if one.id == _LAST]
    is_drill = place == "drill"
    shown, drilled = (None, result) if is_drill else (result, None)
    tools = _tools(token, shown, drilled) if view.is_trusted else _door(where)
    return joined((
        tag("a", "To the numbers", href="#glance", class_="skip"),
        tag("header", tag("h1", "resolver"), tag("div", drawn["state"], id="state"),
            tag("span", "", id="live", role="status")),
        tag("main",
            tag("p", said, id="said", role="alert"),
            tag("dl", drawn["glance"], id="glance", aria_label="At a glance", tabindex="-1"),
            *first, tools, *last),
        tag("footer", tag("p", tag("a", "As JSON", href="/api/"), " · resolver ", __version__)),
    ))  # fmt: skip


def _state(view: View) -> Html:
    status = view.status
    drained = ", drained" if status["is_drained"] else ""
    told = f"up for {duration(status['up_s'])}{drained}"
    if view.trouble:
        told = f"no answer of the daemon: {view.trouble}"
    return text(told)


def _panel(panel: Panel, drawn: dict[str, Html]) -> Html:
    is_empty = not drawn[panel.id]
    return tag(
        "section",
        tag("h2", panel.title, id=f"{panel.id}-title"),
        tag("div", drawn[panel.id], id=panel.id),
        aria_labelledby=f"{panel.id}-title", class_=f"panel p-{panel.id}", hidden=is_empty,
    )  # fmt: skip


# --- what takes the token ------------------------------------------------------------------------


def _door(where: str) -> Html:
    told = (
        joined((text("Names, the live log, the look-up and actions take the token in "),
                tag("code", where), text(".")))
        if where
        else text("Names, the live log, the look-up and actions take the token that was printed at "
                  "the start. With a working_directory it is kept in a file.")
    )  # fmt: skip
    form = tag(
        "form",
        tag("label", "Token", for_="token"),
        tag("input", id="token", name="token", type="password", required=True,
            autocomplete="off", spellcheck="false"),
        tag("button", "Show names"),
        method="post", action="/", id="enter",
    )  # fmt: skip
    return tag(
        "section", tag("h2", "More", id="more-title"), tag("p", told), form,
        aria_labelledby="more-title", class_="panel p-more",
    )  # fmt: skip


def _tools(token: str, result: Html | None, drilled: Html | None) -> Html:
    return joined((
        tag("section", tag("h2", "Look up", id="look-title"), _look_up(token),
            tag("div", result, id="result", role="status", tabindex="-1"),
            aria_labelledby="look-title", class_="panel p-look"),
        tag("section", tag("h2", "Live log", id="log-title"), _LOG,
            aria_labelledby="log-title", class_="panel p-log"),
        tag("section", tag("h2", "If the link dies", id="drill-title"), _drill(token),
            tag("div", drilled, id="drill", role="status", tabindex="-1"),
            aria_labelledby="drill-title", class_="panel p-drill"),
        tag("section", tag("h2", "Actions", id="act-title"), _actions(token),
            aria_labelledby="act-title", class_="panel p-act"),
    ))  # fmt: skip


_LOG: Final = tag(
    "details",
    tag("summary", "What is asked now"),
    tag("p", "It runs while this is open; nothing of it is kept.", class_="note", id="log-said"),
    tag("div", tag("table",
        tag("caption", "Queries as they are answered, the newest first"),
        tag("thead", tag("tr", *(tag("th", head, scope="col") for head in
            ("Time", "Name", "Type", "Answer", "From", "Took", "By")))),
        tag("tbody", "", id="lines")), class_="scroll"),
    id="log",
)  # fmt: skip


def _form(token: str, do: str, *content: Html, label: str) -> Html:
    return tag(
        "form",
        tag("input", type="hidden", name="do", value=do),
        tag("input", type="hidden", name="token", value=token) if token else Html(),
        *content,
        method="post", action="/", class_="act", aria_label=label,
    )  # fmt: skip


def _name(id: str, purpose: str) -> Html:
    return joined((
        tag("label", purpose, for_=id),
        tag("input", id=id, name="name", required=True, maxlength=1024, autocomplete="off",
            autocapitalize="off", spellcheck="false", placeholder="www.example.com"),
    ))  # fmt: skip


def _look_up(token: str) -> Html:
    options = [tag("option", each) for each in TYPES]
    return _form(
        token, "why", _name("look", "Name"), tag("label", "Type", for_="type"),
        tag("select", *options, id="type", name="type"), tag("button", "Why?"),
        label="What is known of a name",
    )  # fmt: skip


def _drill(token: str) -> Html:
    told = "What of the names in use would still resolve if all far servers fell silent now?"
    return joined((
        tag("p", told),
        _form(token, "drill", tag("button", "Work it out"), label="A drill: nothing is sent"),
    ))  # fmt: skip


def _actions(token: str) -> Html:
    below = tag(
        "label", tag("input", type="checkbox", name="below", value="1"), " with all names below it"
    )
    return joined((
        _form(token, "flush", _name("flush", "Forget"), below, tag("button", "Flush"),
              label="Flush a name"),
        _form(token, "allow", _name("allow", "Let through for an hour"), tag("button", "Allow"),
              label="Let a blocked name through"),
        tag("div",
            _form(token, "pause", tag("button", "Pause blocking for 5 minutes"), label="Pause"),
            _form(token, "resume", tag("button", "Block again"), label="Block again"),
            _form(token, "reload", tag("button", "Reload the configuration"), label="Reload"),
            class_="row"),
    ))  # fmt: skip
