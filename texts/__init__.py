"""Texts without a database: files read into lines, lines mended into paragraphs, and the sentences
and quotes of a text."""
