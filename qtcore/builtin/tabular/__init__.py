"""Reads tables of other systems (CSV) by a mapping that says what each column means.

It must not know our database; `read_table` in `qtcore.builtin.tabular.reading` is the door.
"""
