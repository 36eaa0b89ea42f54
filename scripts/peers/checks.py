"""Do the sides compute a model at all? Logits have to be finite, spread, and follow the prompt."""

import numpy as np

# Of two sides with the same weights: 8-bit activations move logits a little, a wrong model a lot.
LEAST_CORRELATION = 0.97


def faults(logits):
    """What is wrong with logits [prompts, vocabulary] of different prompts, as a list of texts."""
    logits = np.asarray(logits, np.float64)
    if not np.isfinite(logits).all():
        return ["expected finite logits, found others"]
    found = []
    if logits.std(-1).min() <= 1e-3 * max(1e-30, np.abs(logits).max()):
        found.append("expected logits that differ, found constant ones")
    best = logits.argmax(-1)
    if len(set(best.tolist())) < 2:
        found.append(f"expected the likeliest token to follow the prompt, found {best[0]} always")
    return found


def correlation(one, other):
    """The least Pearson correlation over prompts."""
    return float(min(np.corrcoef(a, b)[0, 1] for a, b in zip(one, other)))


def check(sides, plan, prompts, prompts_file, texts, folder):
    """{side: {"argmax": [...], "deviation": x, "correlation": r}}; faults under "faults".

    Sides with the GGUF's weights are compared with the first of them; ours has its own weights and
    tokenizer, and gets texts.
    """
    results, first = {}, None
    for number, side in enumerate(sides):
        ours = hasattr(side, "bundle")
        out = f"{folder}/logits-{number}" + (".bin" if ours else ".npy")
        logits = side.logits(texts if ours else prompts_file, out, plan)
        result = {"argmax": np.argmax(logits, -1).tolist(), "deviation": float(np.std(logits)),
                  "faults": faults(logits)}
        if not ours and not result["faults"]:
            first = logits if first is None else first
            result["correlation"] = correlation(first, logits)
            if result["correlation"] < LEAST_CORRELATION:
                result["faults"].append(f"expected logits that correlate by {LEAST_CORRELATION} "
                                        f"with the first side's, found {result['correlation']:.4f}")
        results[side.name] = result
    return results
