"""The live path: a camera's frames become marked frames. Knows no backend that swaps faces.

The way of a frame::

    source -> mailbox -> tracker -> mailbox -> compositor (crop, engine, blend, mark) -> sinks

Dependencies point one way: ``mien.plugin`` -> ``mien.engines`` -> ``mien.realtime``.
"""
