"""Writes a model whose functions f0, f1, ... each call the next one twice, as text."""

LEVELS = 30
CALL = 'node { op_type: "f%d" domain: "own" input: "%s" output: "%s" }'

print('ir_version: 8 opset_import { version: 18 } opset_import { domain: "own" version: 1 }')
print('graph { name: "g" input { name: "x" type { tensor_type { elem_type: 1 shape { dim { dim_value: 4 } } } } }')
print(CALL % (0, "x", "y"), 'output { name: "y" } }')
for level in range(LEVELS):
    print('functions { name: "f%d" domain: "own" input: "a" output: "c" opset_import { version: 18 }' % level)
    print(CALL % (level + 1, "a", "b"), CALL % (level + 1, "b", "c"), "}")
print('functions { name: "f%d" domain: "own" input: "a" output: "c" opset_import { version: 18 }' % LEVELS)
print('node { op_type: "Neg" input: "a" output: "c" } }')
