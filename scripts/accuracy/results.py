"""Results of all sides in one place, and the table of them.

A side's result is a dict: side (its name), tool, weight_bits and head_bits (a weight, all told:
scales, zero points and padding too), kv, windows (text.digest), and what text.Score.result gives.
"""

import json
import os


def record(folder, name, results):
    """Writes the results of one tool; a later run of the same tool replaces them."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name + ".json")
    with open(path + ".part", "w") as stream:
        json.dump(results, stream, indent=1)
    os.rename(path + ".part", path)


def read(folder):
    found = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            with open(os.path.join(folder, name)) as stream:
                found += json.load(stream)
    if len({each["windows"] for each in found}) > 1:
        raise ValueError(f"{folder}: expected results over the same token windows, found several")
    return found


def cell(result, key, form, scale=1):
    return form.format(result[key] * scale) if result.get(key) is not None else "-"


def markdown(found):
    """A row a result: the largest KL divergence last within each number of bits a weight."""
    lines = ["| side | bits a weight | head | KV | perplexity | KL to float, 1e-3 nats "
             "| 99th percentile | same likeliest token |", "|---|---|---|---|---|---|---|---|"]
    for each in sorted(found, key=lambda r: (-r["weight_bits"], r.get("kl") or 0)):
        error = cell(each, "kl_error", " ± {:.2f}", 1e3) if "kl" in each else ""
        lines.append("| " + " | ".join([
            each["side"], cell(each, "weight_bits", "{:.2f}"), cell(each, "head_bits", "{:.2f}"),
            each["kv"], cell(each, "perplexity", "{:.3f}"), cell(each, "kl", "{:.2f}", 1e3) + error,
            cell(each, "kl_99", "{:.1f}", 1e3), cell(each, "top1", "{:.2f} %", 100)]) + " |")
    return "\n".join(lines) + "\n"
