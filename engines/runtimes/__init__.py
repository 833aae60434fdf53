"""Runtimes: load a network given as ONNX and run it by whatever is best on this machine.

`base` has what each of them promises, `table` picks one; nothing else branches on a runtime's name.
"""
