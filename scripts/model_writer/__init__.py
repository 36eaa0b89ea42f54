"""Writes ONNX packages node by node, in the form in which torch.onnx exports them.

Needs numpy and onnx only: a model of three billion parameters need not exist in memory to be written.
"""
