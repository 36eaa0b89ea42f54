"""From rounds to figures: medians, spread, ratios, shares of the machine's limits, Markdown."""

import statistics

# What is to be reached, by recipe; D stands for the longest prompt.
TARGETS = {
    "prefill D / llama.cpp": {"bluelm-v": 1.7, "fast": 3.0},
    "decode, short context / llama.cpp": {"bluelm-v": 1.6, "fast": 1.6},
    "decode at D / llama.cpp": {"bluelm-v": 2.3, "fast": 2.3},
    "decode, short context: share of read bandwidth": {"bluelm-v": 0.85, "fast": 0.85},
    "decode at D: share of read bandwidth": {"bluelm-v": 0.85, "fast": 0.85},
    "prefill D, linears: share of dot peak": {"bluelm-v": 0.75, "fast": 0.70},
    "peak resident, text side / llama.cpp": {"bluelm-v": 0.55, "fast": 0.55},
    "peak resident with picture encoding / llama.cpp": {"bluelm-v": 0.55, "fast": 0.55},
}
SHARES = """Prefill: operations of the linears over the time of all, against the peak of products
of the side's type. Decode: bytes of weights and KV cache that a token has to read, in the side's
formats, over time, against the read bandwidth. Medians over medians; what a compiler leaves out
counts as done."""
BASE = "llama.cpp Q4_0, KV f16"


class Samples(list):
    def figure(self):
        return {"median": statistics.median(self), "least": min(self), "most": max(self),
                "samples": list(self)} if self else None


def rates(rounds, side, task):
    """One rate a round, None where the side has none."""
    return [found[side]["rates"].get(task) if side in found else None for found in rounds]


def ratio(rounds, side, task, base):
    """Median over rounds of this side's rate over the base's in the same round."""
    pairs = zip(rates(rounds, side, task), rates(rounds, base, task))
    return Samples(mine / other for mine, other in pairs if mine and other).figure()


def deep(found, *path):
    for key in path:
        found = (found or {}).get(key)
    return found


def bench_samples(rounds, side, read):
    """read(bench) of every round of our side where it gives a number."""
    values = (read(found[side]["bench"]) for found in rounds if side in found)
    return Samples(value for value in values if value is not None)


def of_test(kind, key, value, *path):
    """Reader of a figure of the test whose `key` is `value`, out of `bluec bench`."""
    def read(bench):
        for test in bench[kind]:
            if test[key] == value:
                return deep(test, *path, "median")
        return None
    return read


def peak(rounds, side):
    return Samples(found[side]["memory"]["peak"] for found in rounds if side in found)


def memory_ratio(rounds, side, key, base):
    return Samples(found[side]["memory"][key] / found[base]["memory"]["peak"] for found in rounds
                   if key in found[side]["memory"]).figure()


def goals(rounds, side, plan, base=BASE):
    """{figure: {"median", ...}} of one bundle, for the figures that have a target."""
    longest = max(plan.prefill)

    def read_share(depth):
        return bench_samples(rounds, side, of_test("decode", "depth", plan.before(depth),
                                                   "share_of_read_bandwidth")).figure()

    found = {
        "prefill D / llama.cpp": ratio(rounds, side, f"prefill:{longest}", base),
        "decode, short context / llama.cpp": ratio(rounds, side, "decode:0", base),
        "decode at D / llama.cpp": ratio(rounds, side, f"decode:{longest}", base),
        "decode, short context: share of read bandwidth": read_share(0),
        "decode at D: share of read bandwidth": read_share(longest),
        "prefill D, linears: share of dot peak": bench_samples(
            rounds, side, of_test("prefill", "tokens", longest, "by_op", "linear",
                                  "share_of_peak")).figure(),
        "peak resident, text side / llama.cpp": memory_ratio(rounds, side, "peak", base),
        "peak resident with picture encoding / llama.cpp": memory_ratio(
            rounds, side, "peak_with_vision", base),
    }
    return {name: figure for name, figure in found.items() if figure}


def machine(rounds):
    """Read bandwidth and dot peaks, out of every `bluec bench` of the run."""
    benches = [found["bench"] for each in rounds for found in each.values() if "bench" in found]
    read = Samples(b["machine"]["read_bytes_per_second"]["median"] for b in benches)
    found = {"read_bytes_per_second": read.figure()}
    for kind in ("i8", "i16", "f32"):
        peaks = (deep(b, "machine", "operations_per_second", kind, "median") for b in benches)
        found[f"{kind}_operations_per_second"] = Samples(p for p in peaks if p).figure()
    return found


def spread(figure, scale=1.0, digits=1):
    if not figure:
        return "-"
    low, high = (f"{figure[k] * scale:.{digits}f}" for k in ("least", "most"))
    return f"{figure['median'] * scale:.{digits}f} ({low} to {high})"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def rates_table(report):
    tasks = report["tasks"]
    rows = []
    for side, figures in report["sides"].items():
        rows.append([side] + [spread(figures["rates"].get(task)) for task in tasks]
                    + [spread(figures["peak"], 1e-9, 2)])
    titles = [task.replace("prefill:", "prefill ").replace("decode:0", "decode, short")
              .replace("decode:", "decode at ") for task in tasks]
    return table(["tok/s", *titles, "peak resident, GB"], rows)


def shares_table(report):
    """What each side makes of the machine, by the work that its own format asks for."""
    if not report["machine"]["read_bytes_per_second"]:
        return ""
    rows = []
    for side, figures in report["sides"].items():
        cells = [side]
        for task in report["tasks"]:
            share = figures["shares"].get(task)
            cells.append(f"{100 * share:.0f} %" if share else "-")
        rows.append(cells)
    return table(["share", *report["tasks"]], rows)


def goals_table(report):
    rows, longest = [], report["tasks"][-1].split(":")[1]
    for name, wanted in TARGETS.items():
        for side, figures in report["goals"].items():
            figure, target = figures["figures"].get(name), wanted.get(figures["recipe"])
            if figure and target:
                good = figure["median"] >= target
                if name.startswith("peak"):
                    good = figure["median"] <= target
                rows.append([name.replace("D", longest), side, spread(figure, digits=2),
                             f"{target}", "yes" if good else "no"])
    return table(["figure", "side", "median (least to most)", "target", "reached"], rows)


def by_chunk(report):
    """Our bundles of the recipe that comes in several chunk lengths, shortest first."""
    recipes = {}
    for side, each in report["chunks"].items():
        recipes.setdefault(each["recipe"], []).append((each["chunk"], side))
    most = max(recipes.values(), key=len, default=[])
    return [side for _, side in sorted(most)] if len({chunk for chunk, _ in most}) > 1 else []


def chunks_table(report):
    rows = []
    for side in by_chunk(report):
        each = report["chunks"][side]
        rows.append([side, f"t{each['chunk']}", spread(each["seconds"], digits=2),
                     spread(each["decode"]), spread(each["peak"], 1e-9, 2)])
    return table(["bundle", "chunk", "prefill of the longest prompt, s", "decode, tok/s",
                  "peak resident, GB"], rows)


def markdown(report):
    limits = report["machine"]
    parts = [f"# bluec and its peers: {report['geometry']}, {report['threads']} threads",
             f"{report['cpu']}; {report['rounds']} rounds, sides one after the other in each; "
             f"medians, least to most in brackets.", rates_table(report)]
    if limits["read_bytes_per_second"]:
        peaks = {kind: spread(limits[f"{kind}_operations_per_second"], 1e-12, 2)
                 for kind in ("i8", "i16", "f32")}
        parts.append(f"The machine, measured in the same rounds: reads "
                     f"{spread(limits['read_bytes_per_second'], 1e-9)} GB/s; products "
                     + ", ".join(f"{kind} {peak}" for kind, peak in peaks.items()) + " TOP/s.")
    else:
        parts.append("No bundle of ours ran, so the machine's limits were not measured.")
    if report["goals"]:
        parts += ["## Goals", goals_table(report)]
    shares = shares_table(report)
    if shares:
        parts += ["## Share of the machine", SHARES, shares]
    if by_chunk(report):
        parts += ["## Chunk length", chunks_table(report)]
    if report["checks"]:
        parts += ["## Logits", table(
            ["side", "likeliest tokens of the prompts", "deviation", "correlation"],
            [[side, ", ".join(map(str, check["argmax"])), f"{check['deviation']:.2f}",
              f"{check['correlation']:.4f}" if "correlation" in check else "own weights"]
             for side, check in report["checks"].items()])]
    parts.append(f"Processors that other processes kept busy meanwhile, at most: "
                 f"{report['others']:.2f}.")
    parts += [f"Left out: {line}" for line in report["left_out"]]
    return "\n\n".join(parts) + "\n"
