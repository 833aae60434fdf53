"""Other people's model files: what each format is, how it is checked, and how it becomes an engine.

`table` lists the formats, one line each; a format is one module beside it. Nothing else branches on a format's name.
"""
