"""The path converter of a date in an address, such as `/al/2015-02/`."""

from dates.edtf import EDTF, parse


class DateConverter:
    """A day, a month or a year in EDTF. An impossible date does not match."""

    regex = r"[0-9]{4}(?:-[0-9]{2}){0,2}"

    def to_python(self, value: str) -> EDTF:
        return parse(value)

    def to_url(self, value: EDTF | str) -> str:
        return value if isinstance(value, str) else value.text
