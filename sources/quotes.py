"""What pages show of citations, as values: equal ones look the same, so that what is written of
them is written once (`{% pure %}`), and hundreds on a page cost little."""

from typing import NamedTuple

from record.pages import address


class CitedSource(NamedTuple):
    """What is told of a source beside its quotes."""

    pk: int
    slug: str
    title: str
    describes_until: str
    is_public: bool

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return address("sources:source_detail", self.slug)


class Quote(NamedTuple):
    """A citation's words, the rest of its sentence, and the field of its record that they prove,
    `""` for all of it."""

    number: int
    field: str
    exact: str
    prefix: str
    suffix: str
    position: int
    source: CitedSource

    @property
    def source_id(self) -> int:
        return self.source.pk

    @property
    def span(self) -> tuple[int, int]:
        """Where its words begin and end in the source's collapsed text."""
        return self.position, self.position + len(self.exact)

    def get_absolute_url(self) -> str:
        return f"{self.source.get_absolute_url()}#c{self.number}"
