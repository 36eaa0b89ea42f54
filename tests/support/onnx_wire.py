"""Reads and writes ONNX files as bare protobuf, so that tests can build models that no ONNX library
would. A message is a list of [field, value]: an int (varint), bytes (length-delimited), or
(width, bytes) for fixed-width numbers. Sub-messages stay bytes until someone decodes them."""


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode(data):
    fields, at = [], 0
    while at < len(data):
        key, at = read_varint(data, at)
        field, kind = key >> 3, key & 7
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind == 2:
            size, at = read_varint(data, at)
            value, at = data[at : at + size], at + size
        elif kind in (1, 5):
            width = 8 if kind == 1 else 4
            value, at = (width, data[at : at + width]), at + width
        else:
            raise ValueError(f"wire type {kind}")
        fields.append([field, value])
    return fields


def encode(fields):
    out = []
    for field, value in fields:
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, int):
            out += [varint(field << 3), varint(value)]
        elif isinstance(value, tuple):
            out += [varint(field << 3 | (1 if value[0] == 8 else 5)), value[1]]
        else:
            out += [varint(field << 3 | 2), varint(len(value)), value]
    return b"".join(out)


def get(fields, number, default=None):
    """The last value of a field."""
    return next((value for field, value in reversed(fields) if field == number), default)


def get_all(fields, number):
    return [value for field, value in fields if field == number]


def put(fields, number, value):
    """Replaces a field, or adds it."""
    fields[:] = [entry for entry in fields if entry[0] != number] + [[number, value]]


# Field numbers of onnx.proto.
MODEL_GRAPH, MODEL_OPSET = 7, 8
OPSET_DOMAIN, OPSET_VERSION = 1, 2
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE_INFO = 1, 5, 11, 12, 13
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_OP, NODE_ATTRIBUTE, NODE_DOMAIN = 1, 2, 3, 4, 5, 7
ATTRIBUTE_NAME, ATTRIBUTE_F, ATTRIBUTE_I, ATTRIBUTE_S, ATTRIBUTE_T, ATTRIBUTE_G, ATTRIBUTE_INTS, ATTRIBUTE_TYPE = 1, 2, 3, 4, 5, 6, 8, 20
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW, TENSOR_EXTERNAL, TENSOR_LOCATION = 1, 2, 8, 9, 13, 14
ENTRY_KEY, ENTRY_VALUE = 1, 2
VALUE_NAME, VALUE_TYPE = 1, 2
FLOAT, INT64 = 1, 7


class Node:
    """One node; inputs, outputs, name and operator as text, the rest untouched."""

    def __init__(self, data):
        fields = decode(data)
        self.inputs = [value.decode() for value in get_all(fields, NODE_INPUT)]
        self.outputs = [value.decode() for value in get_all(fields, NODE_OUTPUT)]
        self.name = (get(fields, NODE_NAME) or b"").decode()
        self.op = (get(fields, NODE_OP) or b"").decode()
        self.rest = [entry for entry in fields if entry[0] not in (NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_OP)]

    def attribute(self, name):
        """The attribute's fields, shared with the node until `encode`; None when it has none."""
        for entry in self.rest:
            if entry[0] == NODE_ATTRIBUTE:
                fields = decode(entry[1])
                if get(fields, ATTRIBUTE_NAME) == name.encode():
                    return entry, fields
        return None

    def set_attribute(self, name, number, value):
        entry, fields = self.attribute(name)
        put(fields, number, value)
        entry[1] = encode(fields)

    def encode(self):
        return encode([[NODE_INPUT, value] for value in self.inputs] + [[NODE_OUTPUT, value] for value in self.outputs]
                      + [[NODE_NAME, self.name], [NODE_OP, self.op]] + self.rest)


def node(op, inputs, outputs, name, *attributes):
    return encode([[NODE_INPUT, value] for value in inputs] + [[NODE_OUTPUT, value] for value in outputs]
                  + [[NODE_NAME, name], [NODE_OP, op]] + [[NODE_ATTRIBUTE, value] for value in attributes])


def tensor(name, dims, kind, raw):
    return encode([[TENSOR_DIMS, dim] for dim in dims] + [[TENSOR_TYPE, kind], [TENSOR_NAME, name], [TENSOR_RAW, raw]])


class Model:
    def __init__(self, data):
        self.fields = decode(data)
        graph = decode(get(self.fields, MODEL_GRAPH))
        self.nodes = [Node(value) for value in get_all(graph, GRAPH_NODE)]
        self.initializers = [decode(value) for value in get_all(graph, GRAPH_INITIALIZER)]
        self.inputs = [decode(value) for value in get_all(graph, GRAPH_INPUT)]
        self.outputs = [decode(value) for value in get_all(graph, GRAPH_OUTPUT)]
        self.rest = [entry for entry in graph if entry[0] not in (GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT)]

    def encode(self):
        graph = encode([[GRAPH_NODE, value.encode() if isinstance(value, Node) else value] for value in self.nodes]
                       + [[GRAPH_INITIALIZER, encode(value)] for value in self.initializers]
                       + [[GRAPH_INPUT, encode(value)] for value in self.inputs]
                       + [[GRAPH_OUTPUT, encode(value)] for value in self.outputs] + self.rest)
        fields = [list(entry) for entry in self.fields]
        put(fields, MODEL_GRAPH, graph)
        return encode(fields)

    def first(self, op):
        return next(value for value in self.nodes if value.op == op)

    def weight(self, least=1 << 14):
        """The first initializer with at least this many bytes."""
        return next(value for value in self.initializers if len(get(value, TENSOR_RAW, b"")) >= least)
