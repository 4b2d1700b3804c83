"""Who belonged and who represented on a date, worked out from facts.yaml alone by trying every day
on which a period may begin or end. Calls no code of the site."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FIRST, LAST = date(2008, 1, 1).toordinal(), date(2026, 12, 31).toordinal()
NO, PARTLY, UNKNOWN, YES = "no", "en parte", "no determinable", "sí"


def day(text: str, rest: str) -> date:
    """The day of a date, completed with the end of `rest`."""
    year, month, day = map(int, (text + rest[len(text) :]).split("-"))
    return date(year, month, min(day, monthrange(year, month)[1]))


@cache
def days(text: str) -> range:
    """The days of a date such as `2011-08`, or on which a date such as `[2011-08..]` may be."""
    lower, dots, upper = text.strip("[]").partition("..")
    first = day(lower, "0000-01-01").toordinal() if lower else FIRST
    last = upper if dots else lower
    return range(first, (day(last, "0000-12-31").toordinal() if last else LAST) + 1)


def answer(start: str, end: str, when: str) -> str:
    """The answer that every possible pair of a first and a last day allows."""
    asked = days(when)
    every_day, some_day, no_day = True, True, True
    for first in days(start):
        lasts = [max(first, days(end)[0]), days(end)[-1]]
        if first <= lasts[1]:
            every_day &= first <= asked[0] and lasts[0] >= asked[-1]
            some_day &= first <= asked[-1] and lasts[0] >= asked[0]
            no_day &= first > asked[-1] or lasts[1] < asked[0]
    return YES if every_day else NO if no_day else PARTLY if some_day else UNKNOWN


def facts(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "facts.yaml").read_text(encoding="utf-8"))


def names(folder: Path) -> set[str]:
    """The names of its organizations."""
    organizations = facts(folder)["organizations"]
    names = {each.get(name, "") for each in organizations for name in ("name", "short_name")}
    return names.union(*(each.get("other_names", ()) for each in organizations)) - {""}


def dates(records: list[dict[str, Any]]) -> Iterator[str]:
    """The days on which an answer may change, with the days before and after, the month and the
    year of each."""
    bounds = {days(record[side]) for record in records for side in ("start", "end")}
    changes = {edge for bound in bounds for edge in (bound[0], bound[-1])} - {FIRST, LAST}
    near = {date.fromordinal(edge) + timedelta(n) for edge in changes for n in (-1, 0, 1)}
    for length in (4, 7, 10):
        yield from sorted({day.isoformat()[:length] for day in near})


def answers(records: list[dict[str, Any]], when: str) -> dict[str, str]:
    """The answer of each membership or term by slug."""
    return {record["slug"]: answer(record["start"], record["end"], when) for record in records}


def of_organizations(memberships: list[dict[str, Any]], when: str) -> dict[str, str]:
    """The answers of the memberships, of which an organization needs no «no» beside another answer,
    and no other answer beside a «sí»."""
    every = answers(memberships, when)
    every |= {
        record["slug"]: NO for record in memberships if _hands_over(record, memberships, when)
    }
    by_organization: dict[str, set[str]] = {}
    for record in memberships:
        by_organization.setdefault(record["organization"], set()).add(every[record["slug"]])

    def is_needed(record: dict[str, Any]) -> bool:
        own, alike = every[record["slug"]], by_organization[record["organization"]]
        return own == YES or (YES not in alike and (own != NO or alike == {NO}))

    return {record["slug"]: every[record["slug"]] for record in memberships if is_needed(record)}


def _hands_over(record: dict[str, Any], memberships: list[dict[str, Any]], day: str) -> bool:
    """Whether another membership takes the place of this one on its last day, which is `day`."""
    successors = (m for m in memberships if record["organization"] in (m.get("replaces") or ()))
    return record["end"] == day and any(after["start"] == day for after in successors)
