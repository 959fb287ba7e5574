"""Views that hold one client with equal right, times that never come: which two, says the error."""

from __future__ import annotations

import tomllib

import pytest

from resolver.config import check, load
from resolver.limits import VIEW_COMBINATIONS

LISTEN = "[server]\nlisten = ['127.0.0.1:53', '127.0.0.2:53', 'tls://127.0.0.1:853']\n"


def view(name: str, **keys: object) -> str:
    return f"[[view]]\nname = {name!r}\n" + "".join(
        f"{key} = {value!r}\n" for key, value in keys.items()
    )


def schedule(**keys: object) -> str:
    keys = {"tag": "kids", "from": "20:00", "to": "07:00"} | keys
    return "[[schedule]]\n" + "".join(f"{key} = {value!r}\n" for key, value in keys.items())


KIDS = view("kids", clients=["10.0.7.0/24"], tags=["kids"])


def faults(text: str) -> list[str]:
    _, problems = load.interpret(tomllib.loads(LISTEN + text), "x.toml")
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (view("a", clients=["10.0.0.1/8"]), "the network's first address"),
        (view("a", clients=["kids"]), "a network such as"),
        (view("", clients=["10.0.0.0/8"]), "a name"),
        (view("default", clients=["10.0.0.0/8"]), "view[0].name: 'default' is not allowed"),
        (view("a", listen=["127.0.0.3"]), "one of server.listen: 127.0.0.1:53, 127.0.0.2:53, tls"),
        (view("a", listen=["127.0.0.1:54"]), "one of server.listen"),
        (view("a", listen=["quic://127.0.0.1:53"]), "one of server.listen"),
        (view("a", transports=["dot"]), '"udp" or "tcp" or "tls" or "https" or "quic"'),
        (view("a", answer="refused"), '"" or "allow" or "refuse" or "drop"'),
        (view("a", clients=["10.0.0.0/8"], tags=[" "]), "a word"),
        (view("a", clients=["10.0.0.0/8"], log="all"), "a working_directory to keep the log in"),
        (KIDS + schedule(tag="kid"), "schedule[0].tag: 'kid' is not allowed"),
        (KIDS + schedule(days=[]), "one day at least"),
        (KIDS + schedule(days=["monday"]), '"mon" or "tue"'),
        (KIDS + schedule(to="20:00"), "schedule[0].to: '20:00' is not allowed; expected another"),
        (KIDS + schedule(**{"from": "8 am"}), "schedule[0].from: '8 am' is not allowed"),
        (KIDS + schedule(**{"from": "24:00"}), '"24:00" only ends'),
        (KIDS + schedule(to="25:00"), "a time of day"),
        (KIDS + schedule() + schedule(), "schedule[0] says the same"),
        (KIDS + "[[schedule]]\ntag = 'kids'\nto = '7:00'", "schedule[0].from: a value must be"),
    ],
)
def test_a_contradiction_is_a_fault(text: str, said: str) -> None:
    found = faults(text)
    assert len(found) == 1, found
    assert said in found[0]


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [
        ({"clients": ["10.0.0.0/8"]}, {"clients": ["10.1.0.0/16", "10.0.0.0/8"]}, "clients"),
        ({"clients": ["10.0.0.0/8"]}, {"clients": ["::ffff:10.0.0.0/104"]}, "clients"),
        ({"listen": ["127.0.0.1"]}, {"listen": ["tls://127.0.0.1:853"]}, "listen"),
        ({"transports": ["udp", "tls"]}, {"transports": ["tls"]}, "transports"),
        ({}, {}, "name"),
    ],
)
def test_two_views_with_equal_right_to_a_client_are_named(
    one: dict[str, object], other: dict[str, object], key: str
) -> None:
    found = faults(view("guests", **one) + view("kids", **other))
    assert len(found) == 1, found
    assert f"view[1].{key}: " in found[0]
    assert "view guests has the same with equal right" in found[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"clients": ["10.0.0.0/8"]}, {"clients": ["10.1.0.0/16"]}),
        ({"clients": ["10.0.0.0/8"]}, {"clients": ["10.0.0.0/8"], "transports": ["tls"]}),
        ({"clients": ["10.0.0.0/8"]}, {"transports": ["tls"]}),
        ({"listen": ["127.0.0.1"]}, {"transports": ["tls"]}),
        ({"listen": ["127.0.0.1:53"]}, {"listen": ["127.0.0.1:853"]}),
        ({"listen": ["127.0.0.1"]}, {"listen": ["127.0.0.2"]}),
        ({}, {"transports": ["udp"]}),
    ],
)
def test_an_order_is_no_contradiction(one: dict[str, object], other: dict[str, object]) -> None:
    assert faults(view("guests", **one) + view("kids", **other)) == []


def test_a_name_is_given_once() -> None:
    both = view("a", clients=["10.0.0.0/8"]) + view("a", clients=["11.0.0.0/8"])
    assert "a name of its own; view[0] has it" in faults(both)[0]


@pytest.mark.reaches("VIEW_COMBINATIONS")
def test_there_are_so_many_ways_to_treat_clients_and_no_more() -> None:
    """Views that come to the same count once."""

    def many(count: int) -> str:
        return "".join(
            view(f"v{number}", clients=[f"10.0.{number}.0/24"], tags=[f"t{number % count}"])
            for number in range(100)
        )

    assert faults(many(VIEW_COMBINATIONS)) == []
    found = faults(many(VIEW_COMBINATIONS + 1))
    assert len(found) == 1
    assert f"at most {VIEW_COMBINATIONS} combinations" in found[0]


def advice(text: str) -> str:
    return "\n".join(check.advice(load.loads(text)))


def test_who_is_in_a_view_and_still_refused_is_told() -> None:
    text = view("kids", clients=["10.0.7.0/24", "127.0.7.0/24"])
    assert "[[view]] kids has 10.0.7.0/24, which server.allow_from has not" in advice(text)
    assert "127.0.7.0" not in advice(text)
    assert "allow_from" not in advice(view("kids", clients=["10.0.7.0/24"], answer="allow"))


@pytest.mark.parametrize("keys", [{"transports": ["tls"]}, {"clients": ["0.0.0.0/0"]}])
def test_a_view_that_opens_the_resolver_to_everybody_is_told(keys: dict[str, object]) -> None:
    assert "open resolver" in advice(view("all", answer="allow", **keys))
