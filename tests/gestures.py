"""A person at a browser whose page loads, clicks and fields are counted."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import expect

COUNTER = """
addEventListener("pointerdown", ({target}) => {
  const text = target.closest("textarea, input:not([type=checkbox], [type=radio], [type=submit])");
  if (!text && !target.closest("select, [type=file]")) window.press();
}, true);
addEventListener("change", ({target}) => {
  if (/select-one|file/.test(target.type)) window.press();
  else if (!/checkbox|radio/.test(target.type)) window.type();
}, true);
"""
"""Counts a press on anything but a text field, a choice from a list, and a text field that a person
changed."""
WORDS = """([element, words]) => {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (texts.nextNode()) nodes.push(texts.currentNode);
  const letters = nodes.map(({data}) => data).join("").replace(/\\s/g, " ");
  const first = letters.indexOf(words);
  if (first < 0) throw new Error(`«${words}» is not in «${letters}»`);
  const rect = (at) => {
    for (const node of nodes) {
      if (at < node.length) {
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        return range.getBoundingClientRect();
      }
      at -= node.length;
    }
  };
  element.scrollIntoView({block: "center"});
  const [from, to] = [rect(first), rect(first + words.length - 1)];
  return [from.left + 1, from.top + from.height / 2, to.right - 1, to.top + to.height / 2];
}"""
"""The points between which a mouse is dragged to mark words."""


class Person:
    """`loads` documents, `clicks` and `fields`, since `page` was given."""

    def __init__(self, page: Any) -> None:
        self.page, self.loads, self.clicks, self.fields = page, 0, 0, 0
        page.expose_function("press", lambda: self.note("clicks"))
        page.expose_function("type", lambda: self.note("fields"))
        page.add_init_script(COUNTER)
        page.on("domcontentloaded", lambda _page: self.note("loads"))

    def note(self, name: str) -> None:
        setattr(self, name, getattr(self, name) + 1)

    def drag(self, element: Any, words: str, hold: str = "") -> None:
        """Marks words of an element with the mouse, while a key is held."""
        x, y, to_x, to_y = element.evaluate_handle("node => node").evaluate(
            f"node => ({WORDS})([node, {words!r}])"
        )
        with self.holding(hold):
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            self.page.mouse.move(to_x, to_y, steps=4)
            self.page.mouse.up()

    @contextmanager
    def holding(self, key: str) -> Iterator[None]:
        if key:
            self.page.keyboard.down(key)
        yield
        if key:
            self.page.keyboard.up(key)

    def press(self, role: str, name: str) -> None:
        self.page.get_by_role(role, name=name).click()

    def said(self, words: str) -> None:
        expect(self.page.get_by_role("status").filter(has_text=words)).to_be_visible()

    @property
    def counts(self) -> str:
        return f"{self.loads} page loads, {self.clicks} clicks, {self.fields} fields"
