"""Notebooks of a few cells, written and read."""

from __future__ import annotations

import pathlib

import nbformat


def notebook(folder: pathlib.Path, *cells, name="story.ipynb") -> pathlib.Path:
    """Texts become code cells, pairs (text, tags) tagged ones, texts that start with # Markdown."""
    book = nbformat.v4.new_notebook()
    for cell in cells:
        text, tags = cell if isinstance(cell, tuple) else (cell, [])
        make = nbformat.v4.new_markdown_cell if text.startswith("# ") else nbformat.v4.new_code_cell
        book.cells.append(make(text, metadata={"tags": tags} if tags else {}))
    path = folder / name
    nbformat.write(book, path)
    return path


def read(path) -> nbformat.NotebookNode:
    """A notebook, which has to be a valid one."""
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    return book
