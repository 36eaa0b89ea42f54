"""The page of a plan in a browser, and traces of plans and of runs.

    python3 tests/e2e/plan_page.py [PART-OF-A-CASE-NAME...]

The browser is Debian's chromium-headless-shell, which scripts/test installs.
"""

import json
import os
import shutil
import struct
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import BLUEC, MODEL, SOURCE, Suite, check, compile_model, describe, read_bytes, run, scratch

GEOMETRY = os.path.join(SOURCE, "examples", "bluelm-v-3b")
BROWSER = shutil.which("chromium-headless-shell") or shutil.which("chromium")
ROOT = scratch("plan_page")
WIDTH, HEIGHT = 1280, 1400
suite = Suite("e2e/plan_page")


def bluec(*arguments, code=0):
    done = run(BLUEC, *arguments)
    check(done.code == code, f"expected exit code {code}, found {describe(done)}")
    return done


def browse(page, *options):
    """What the browser prints. It reserves far more address space than it uses."""
    check(BROWSER is not None, "expected chromium-headless-shell, found no browser")
    done = run(BROWSER, "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
               "--user-data-dir=" + page + ".profile", f"--window-size={WIDTH},{HEIGHT}",
               "--virtual-time-budget=5000", *options, "file://" + page, memory=1 << 47)
    check(done.code == 0, f"expected exit code 0, found {describe(done)}")
    check("CONSOLE" not in done.err, f"expected a page without errors, found {done.err[-600:]}")
    return done.out


def pixels(path):
    """Rows of (r, g, b) of an 8-bit PNG without interlacing."""
    data = read_bytes(path)
    at, packed, depth = 8, b"", 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        at += size + 12
        if kind == b"IHDR":
            width, height, bits, colour = struct.unpack(">IIBB", body[:10])
            check(bits == 8 and colour in (2, 6), f"expected 8-bit RGB, found type {colour} of {bits} bits")
            depth = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
    raw, stride = zlib.decompress(packed), width * depth
    previous, rows = bytearray(stride), []
    for y in range(height):
        kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            left, up = line[x - depth] if x >= depth else 0, previous[x]
            corner = previous[x - depth] if x >= depth else 0
            if kind == 1:
                line[x] = (line[x] + left) & 255
            elif kind == 2:
                line[x] = (line[x] + up) & 255
            elif kind == 3:
                line[x] = (line[x] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                line[x] = (line[x] + min((left, up, corner), key=lambda each: abs(guess - each))) & 255
        rows.append([tuple(line[x:x + 3]) for x in range(0, stride, depth)])
        previous = line
    return rows


def in_browser():
    """Everything is drawn: boxes in the timeline's lanes and in the arena, tables with rows."""
    page, picture = os.path.join(ROOT, "plan.html"), os.path.join(ROOT, "plan.png")
    bluec("schedule", GEOMETRY, "--machine", "dimensity-9300", "--report", page)
    dom = browse(page, "--dump-dom")
    check('data-ready="yes"' in dom, "expected the page's script to end")
    for text in ("Plan of " + GEOMETRY, "9 tiles", "encode_blocks_1", "vision/vision_tower/layers.0/mlp/fc1", "hidden behind other work",
                 "predicted peak", "decoder/layers.*/mlp/down_proj"):
        check(text in dom, f"expected '{text}' on the page, found none")
    check(dom.count("<tr>") > 100, f"expected tables with rows, found {dom.count('<tr>')} rows")
    browse(page, f"--screenshot={picture}")
    rows = pixels(picture)
    check(len(rows) == HEIGHT and len(rows[0]) == WIDTH, f"expected {WIDTH}x{HEIGHT}, found {len(rows[0])}x{len(rows)}")
    # The first colour of the palette and those of the transfers stand in the lanes; the arena's boxes
    # are below. Both canvases together have more colours than text alone has.
    counts = {}
    for row in rows:
        for colour in row:
            counts[colour] = counts.get(colour, 0) + 1
    filled = [colour for colour, count in counts.items() if count > 500 and max(colour) - min(colour) > 40]
    check(len(filled) >= 4, f"expected at least 4 colours of steps, found {len(filled)}")
    check(sum(counts[colour] for colour in filled) > WIDTH * HEIGHT // 50, "expected boxes, found little colour")


def without_machine():
    page = os.path.join(ROOT, "bare.html")
    bluec("compile", MODEL, "-o", os.path.join(ROOT, "bare"), "--report", page)
    dom = browse(page, "--dump-dom")
    check('data-ready="yes"' in dom and "No machine was named" in dom, "expected a page without a timeline")
    check("decoder/layers.0/mlp/down_proj" in dom or "prefill" in dom, "expected steps, found none")


def hostile_name():
    """A model's name is text on the page, whatever stands in it."""
    folder = os.path.join(ROOT, "<b id=injected>", "script><!--")
    shutil.copytree(GEOMETRY, folder)
    page = os.path.join(ROOT, "hostile.html")
    bluec("schedule", folder, "--machine", "dimensity-9300", "--report", page)
    dom = browse(page, "--dump-dom")
    check('data-ready="yes"' in dom and '<b id="injected">' not in dom, "expected the name as text")


def events(path):
    return json.loads(read_bytes(path))["traceEvents"]


def plan_trace():
    """The trace's spans are the schedule's."""
    path = os.path.join(ROOT, "plan.json")
    done = bluec("schedule", GEOMETRY, "--machine", "dimensity-9300", "--trace", path, "--json")
    said = json.loads(done.out)
    encode = [e for e in events(path) if e["ph"] == "X" and e["args"]["run"] == "encode"]
    last = max(e["ts"] + e["dur"] for e in encode) / 1e3
    check(abs(last - said["encode_ms"]) < 1e-3, f"expected {said['encode_ms']} ms, found {last}")
    devices = {e["args"]["name"] for e in events(path) if e["name"] == "thread_name"}
    check(devices == {"cpu", "npu", "cpu -> npu"}, f"expected two devices and the way between, found {devices}")
    by_thread = {}
    for event in encode:
        by_thread.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
    for spans in by_thread.values():
        spans.sort()
        check(all(a[1] <= b[0] + 1e-6 for a, b in zip(spans, spans[1:])), "expected a device to do one thing at a time")


def run_trace():
    """Each step that ran is there, in its call, and the plan beside it."""
    bundle = compile_model(os.path.join(ROOT, "bundle"))
    plan, path = os.path.join(ROOT, "tiny.json"), os.path.join(ROOT, "run.json")
    bluec("schedule", MODEL, "--machine", "dimensity-9300", "--image", "200x100", "--trace", plan)
    picture = os.path.join(MODEL, "pictures", "receipt-02.png")
    bluec("run", bundle, "--image", picture, "--prompt", "What is the total?", "--trace", path, "--beside", plan)
    spans = [e for e in events(path) if e["ph"] == "X"]
    check({e["pid"] for e in spans} == {1, 2}, "expected a run and a plan")
    calls = [e for e in spans if e["pid"] == 1 and e["cat"] == "call"]
    manifest = json.loads(read_bytes(os.path.join(bundle, "manifest.json")))
    steps = {entry["name"]: entry["steps"] for entry in manifest["entry_points"]}
    check({e["name"] for e in calls} >= {"embed", "prefill", "decode"}, f"found {[e['name'] for e in calls]}")
    for call in calls:
        inside = [e for e in spans if e["pid"] == 1 and e["cat"] == call["name"] and e["tid"] == call["tid"]
                  and call["ts"] - 1e-3 <= e["ts"] and e["ts"] + e["dur"] <= call["ts"] + call["dur"] + 1e-3]
        check(len(inside) == steps[call["name"]], f"{call['name']}: expected {steps[call['name']]} steps, found {len(inside)}")


def refusals():
    out = os.path.join(ROOT, "refused")
    for code, expected, arguments in [
        (2, "--trace: expected a machine to time steps by (--machine), found none",
         ["compile", MODEL, "-o", out, "--trace", out + ".json"]),
        (2, "--report: expected the schedule phase to run, found --stop-after model",
         ["compile", MODEL, "--stop-after", "model", "--report", out + ".html"]),
        (2, "--trace: expected another file than --report's, found",
         ["schedule", GEOMETRY, "--machine", "dimensity-9300", "--report", out, "--trace", out]),
        (1, "missing/plan.html", ["schedule", GEOMETRY, "--machine", "dimensity-9300", "--report",
                                  os.path.join(ROOT, "missing", "plan.html")]),
    ]:
        done = bluec(*arguments, code=code)
        check(expected in done.err and done.err.count("\n") == 1, f"expected '{expected}', found {describe(done)}")
        check(not os.path.exists(out + ".json") and not os.path.exists(out + ".html"), "expected nothing to be left")
    done = bluec("run", compile_model(os.path.join(ROOT, "other")), "--prompt", "What?", "--max-new-tokens", "1", "--trace",
                 out + ".json", "--beside", os.path.join(MODEL, "config.json"), code=1)
    check("expected a trace with traceEvents" in done.err, f"found {describe(done)}")
    check(done.out == "", f"expected no answer before the fault, found {done.out!r}")
    check(not os.path.exists(out + ".json"), "expected no trace")


for case in (in_browser, without_machine, hostile_name, plan_trace, run_trace, refusals):
    suite.case(case.__name__, case)
suite.main()
