"""DynamoDB's update expressions: SET, REMOVE, ADD and DELETE of attributes, and REMOVE of a list's elements."""

from collections.abc import Iterator
from functools import lru_cache

from tests.expressions import Item, Names, Operand, Path, Reader, Refused, path

_VERBS = {"SET", "REMOVE", "ADD", "DELETE"}

Change = tuple[str, Path, Operand | None]  # verb, path, and what with


@lru_cache(maxsize=2_000)
def _changes(expression: str) -> tuple[Change, ...]:
    return tuple(_read_changes(Reader(expression)))


def _read_changes(reader: Reader) -> Iterator[Change]:
    verb = ""
    while reader.tokens:
        if reader.tokens[0] in _VERBS:
            verb = reader.tokens.pop(0)
        place = path(reader.tokens.pop(0))
        if verb not in _VERBS or len(place.steps) > (2 if verb == "REMOVE" else 1):
            raise NotImplementedError(place)
        if verb == "SET":
            reader.take("=")
            yield verb, place, reader.assigned()
        else:
            yield verb, place, None if verb == "REMOVE" else reader.whole()
        reader.comes(",")


def check_update(expression: str, names: Names) -> None:
    places = [place for _, place, _ in _changes(expression)]
    if len({names[place.name] for place in places}) < len(places):
        raise Refused("two changes of one attribute")


def updated(expression: str, standing: Item, names: Names, values: Item) -> Item:
    """The item after it; all of it sees `standing`."""
    after, given = dict(standing), (standing, names, values)
    for verb, place, operand in _changes(expression):
        name = names[place.name]
        value = operand(given) if operand else None
        if len(place.steps) > 1:
            value = _without(standing.get(name), place.steps[1])
        elif verb != "SET":
            value = _counted(verb, standing.get(name), value)
        elif value is None:
            raise Refused("an operand that is not there")
        after.pop(name, None)
        if value is not None:
            after[name] = value
    return after


def _without(standing: Item | None, element: str | int) -> Item | None:
    if standing is None or "L" not in standing:
        raise Refused("no list")
    return {"L": [each for number, each in enumerate(standing["L"]) if number != element]}


def _counted(verb: str, standing: Item | None, value: Item | None) -> Item | None:
    """What stands there after ADD, DELETE or REMOVE; None for nothing."""
    if verb == "REMOVE" or value is None:
        return None
    ((tag, operand),) = value.items()
    if tag not in ({"N", "SS", "NS"} if verb == "ADD" else {"SS", "NS"}) or (standing and tag not in standing):
        raise Refused(f"{verb} of what is no number, or no set")
    if tag == "N":
        return {"N": str(int(standing["N"] if standing else 0) + int(operand))}
    held = set(standing[tag] if standing else ())
    left = held | set(operand) if verb == "ADD" else held - set(operand)
    return {tag: sorted(left)} if left else None
