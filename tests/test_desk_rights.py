"""Attacks on the reading desk and on what it keeps: what a draft, a change or a received text tells
to others, what staff without «Publicación» may do, and what it costs to read hostile texts."""

from time import process_time

import pytest

from texts.passages import Passages

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]


@pytest.mark.once
def test_a_text_of_which_each_sentence_is_quoted_is_marked_in_a_moment() -> None:
    passages = Passages(" ".join(f"Esto dice la oración {n} de la fuente." for n in range(4000)))
    spans = [(start, end) for start, end, _kind in passages.sentences]
    began = process_time()
    assert passages.unused(spans[1:]) == passages.sentences[:1]
    (block,) = passages.marked(dict(enumerate(spans)))
    assert [sentence.numbers for sentence in block.sentences] == [(n,) for n in range(4000)]
    assert process_time() - began < 1
