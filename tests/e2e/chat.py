"""Pictures in the background, on the example model: whatever is done when, the answers are the same.

    python3 tests/e2e/chat.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import pty
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import BLUEC, BUILD, MODEL, Suite, check, compile_model, describe, read_bytes, replace, run, scratch

ANSWERS = os.path.join(BUILD, "tests", "bin", "answers")
READ_ALOUD = os.path.join(BUILD, "tests", "bin", "read_aloud")
PICTURES = os.path.join(MODEL, "pictures")
ROOT = scratch("chat")
GOLDENS = json.loads(read_bytes(os.path.join(PICTURES, "goldens.json")))["pictures"]
BUNDLE = compile_model(os.path.join(ROOT, "bundle"))
# In how many ways the same conversation can go.
WAYS = [[], ["--threads", "3"], ["--no-prefill-ahead"], ["--prefill-while-encoding"], ["--no-decoupling"],
        ["--typing-rate", "2000"]]
suite = Suite("e2e/chat")


def picture(index):
    return os.path.join(PICTURES, GOLDENS[index]["file"])


def chat(lines, *options, bundle=BUNDLE, code=0):
    """The events of a conversation."""
    done = run(BLUEC, "chat", bundle, "--json", *options, text="".join(line + "\n" for line in lines))
    check(done.code == code and done.err == "", f"expected exit code {code} and a quiet stderr, found {describe(done)}")
    return [json.loads(line) for line in done.out.splitlines()]


def named(events, name):
    return [event for event in events if event["event"] == name]


def answers(events):
    return [(event["text"], event["tokens"], event["stop"], event["position"]) for event in named(events, "answer")]


def every_way(lines, expected=None):
    """The answers, which are the same whatever is done ahead, and by how many threads."""
    first = answers(chat(lines, *WAYS[0]))
    check(expected is None or [answer[0] for answer in first] == expected, f"expected {expected}, found {first}")
    for way in WAYS[1:]:
        found = answers(chat(lines, *way))
        check(found == first, f"{way}: expected {first}, found {found}")
    return first


def bits(recipe):
    """Prefilled ahead or not, while encoding or after it: the same tokens and the same logits."""
    bundle = compile_model(os.path.join(ROOT, recipe), "--recipe", recipe)
    cases = "".join(f"{picture(index)}\t{entry['question']}\n" for index, entry in enumerate(GOLDENS))
    printed = []
    for threads, ahead in ((2, 0), (2, 1), (2, 2), (1, 1), (3, 2)):
        done = run(ANSWERS, bundle, str(threads), str(ahead), text=cases, seconds=300)
        check(done.code == 0, f"expected answers, found {describe(done)}")
        printed.append(done.out)
    check(len(set(printed)) == 1, "expected the same bits whatever is prefilled ahead, found others")
    found = [[int(token) for token in line.split()[1:]] for line in printed[0].splitlines()[1::3]]
    check(found == [entry["generated_ids"] for entry in GOLDENS], f"expected PyTorch's answers, found {found}")


def cancelled(ahead):
    """Ended by another thread at many moments, then taken up again."""
    cases = "".join(f"{picture(index)}\t{GOLDENS[index]['question']}\n" for index in (0, 14))
    done = run(ANSWERS, BUNDLE, "2", str(ahead), "300", text=cases, seconds=300)
    check(done.code == 0, f"expected the same answers after every cancellation, found {describe(done)}")


def one_by_one():
    """A conversation for each picture: PyTorch's answers."""
    lines = []
    for index, entry in enumerate(GOLDENS):
        lines += [f"/image {picture(index)}", entry["question"], "/reset"]
    every_way(lines, [entry["generated_text"].rstrip("\n") for entry in GOLDENS])


def later_turns():
    lines = []
    for index in (0, 8, 13, 3):
        lines += [f"/image {picture(index)}", GOLDENS[index]["question"]]
    found = every_way(lines + ["And what was that again?"])
    check(len(found) == 5 and [answer[3] for answer in found] == sorted(answer[3] for answer in found),
          f"expected a cache that grows with five answers, found {found}")


def two_pictures():
    both = [f"/image {picture(0)}", f"/image {picture(1)}"]
    every_way(both + ["What does it say?"])
    found = every_way(both + ["<image> What does it say? <image>"])
    swapped = every_way(both[::-1] + ["<image> What does it say? <image>"])
    check(found[0][3] != 0 and swapped[0][3] != 0, "expected answers, found none")
    every_way(both + ["/drop 2", GOLDENS[0]["question"]], [GOLDENS[0]["generated_text"].rstrip("\n")])
    every_way([both[1], "/drop", both[0], GOLDENS[0]["question"]], [GOLDENS[0]["generated_text"].rstrip("\n")])


def faults():
    """Each is said in one line, and the conversation goes on."""
    damaged = os.path.join(ROOT, "damaged.png")
    replace(damaged, read_bytes(picture(0))[:-40])
    golden = GOLDENS[0]["generated_text"].rstrip("\n")
    for way in WAYS:
        events = chat(["/image " + damaged, "never asked", f"/image {picture(0)}", "<image> and <image>?",
                       "/image " + os.path.join(ROOT, "none.png"), GOLDENS[0]["question"]], *way, code=1)
        errors = [event["message"] for event in named(events, "error")]
        check(len(errors) == 3 and "damaged.png: picture" in errors[0] and "as many '<image>' as pictures (1), found 2" in errors[1]
              and "none.png: no such file" in errors[2], f"{way}: expected three errors, found {errors}")
        check([answer[0] for answer in answers(events)] == [golden], f"{way}: expected {golden}, found {answers(events)}")


def full_context():
    """The turn that does not fit is refused before it is encoded; without the oldest ones it is what it is alone."""
    bundle = compile_model(os.path.join(ROOT, "context-96"), "--context", "96", "--chunk", "16")
    question = [f"/image {picture(0)}", GOLDENS[0]["question"]]
    for way in WAYS:
        events = chat(question * 4 + ["/forget all", "/stats"], *way, bundle=bundle, code=1)
        (full,) = named(events, "context_full")
        check(full["turns_to_drop"] in (1, 2) and full["needed"] <= 96, f"expected turns to drop, found {full}")
        found = [answer[0] for answer in answers(events)]
        check(found[-1] == found[0] == GOLDENS[0]["generated_text"].rstrip("\n"),
              f"{way}: expected the first answer again, found {found}")
        check(named(events, "forgotten")[0]["left"] == 0 and named(events, "stats")[0]["turns"] == 1,
              f"{way}: expected a conversation of one turn, found {events}")
        events = chat(question * 4 + ["/forget"], *way, bundle=bundle, code=1)
        check(named(events, "forgotten")[0]["turns"] >= full["turns_to_drop"] and len(answers(events)) == len(found),
              f"{way}: expected the question to be asked again, found {events}")
    events = chat(["word " * 200, "/forget"], bundle=bundle, code=1)
    check(named(events, "context_full")[0]["turns_to_drop"] == -1, f"expected nothing to help, found {events}")


def ends_at_any_time():
    """With pictures under way and a question that was refused."""
    for way in WAYS[:4]:
        for lines in ([], ["<image> and <image>?"], ["word " * 2000]):
            for count in (1, 3):
                chat([f"/image {picture(13)}"] * count + lines + ["/quit"], "--typing-rate", "1e6", *way, code=1 if lines else 0)


def interrupts():
    """An interrupt ends what is under way and not the program; two in a row do."""
    process = subprocess.Popen([BLUEC, "chat", BUNDLE, "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def event():
        return json.loads(process.stdout.readline())

    check(event()["event"] == "ready", "expected a greeting, found another event")
    process.send_signal(signal.SIGINT)
    check(event()["event"] == "interrupted", "expected the interrupt to be seen, found another event")
    process.stdin.write("hello\n")
    process.stdin.flush()
    while (found := event())["event"] != "answer":
        pass
    check(found["stop"] != "cancelled", f"expected the next question to be answered, found {found}")
    time.sleep(1.1)
    process.send_signal(signal.SIGINT)
    check(event()["event"] == "interrupted", "expected the second interrupt to be seen, found another event")
    process.send_signal(signal.SIGINT)
    check(process.wait(timeout=60) == 0, f"expected exit code 0, found {process.returncode}")


def terminal():
    """A prompt, news of pictures as they come, and Ctrl-D ends it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BLUEC, "chat", BUNDLE], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    os.write(ours, f"/image {picture(0)}\n".encode())
    said = ""
    while "encoded" not in said and len(said) < 4096:
        said += process.stderr.read(1)
    os.write(ours, f"{GOLDENS[0]['question']}\n/fly\n\x04".encode())
    out, err = process.communicate(timeout=60)
    os.close(ours)
    check(process.returncode == 0 and out == GOLDENS[0]["generated_text"].rstrip("\n") + "\n",
          f"expected the answer and exit code 0, found {process.returncode} {out!r}")
    check(said.count("> ") >= 1 and "picture 1: " in said and "there is no command" in err, f"expected prompts and news, found {said!r} {err!r}")


def read_aloud():
    """Whole sentences reach the speaker, and a question from anywhere is one line."""
    total = next(index for index, entry in enumerate(GOLDENS) if entry["file"] == "receipt-02.png")
    answer = GOLDENS[total]["generated_text"].rstrip("\n")
    spoken = os.path.join(ROOT, "spoken")
    lines = f"/image {picture(total)}\n{GOLDENS[total]['question']}\n"
    done = run(READ_ALOUD, BUNDLE, f"cat > {spoken}", text=lines)
    check(done.code == 0 and done.out == answer + "\n" and read_bytes(spoken).decode() == answer + "\n",
          f"expected {answer!r} twice, found {describe(done)} and {read_bytes(spoken)!r}")
    done = run(READ_ALOUD, BUNDLE, "cat", text=f"/image {os.devnull}\nnever asked\n{lines}")
    check(done.code == 1 and "picture 1: " in done.err and done.out.startswith(answer), f"expected an error and the answer, found {describe(done)}")
    done = run(READ_ALOUD, BUNDLE, "exit 3", text=lines)
    check(done.code == 1 and "speaker" in done.err and done.out == answer + "\n", f"expected the speaker to fail, found {describe(done)}")


def memory():
    path = os.path.join(ROOT, "memory.csv")
    chat([f"/image {picture(0)}", GOLDENS[0]["question"]], "--memory-log", path, "--typing-rate", "100")
    rows = [line.split(",", 4) for line in read_bytes(path).decode().splitlines()]
    check(rows[0] == ["seconds", "resident", "anonymous", "file", "phase"], f"expected a header, found {rows[0]}")
    check(all(int(row[1]) > 0 for row in rows[1:]) and any("typing" in row[4] for row in rows), f"expected samples, found {rows}")
    drawing = os.path.join(ROOT, "memory.svg")
    done = run(sys.executable, os.path.join(os.path.dirname(__file__), "..", "..", "scripts", "plot_memory"), path, drawing)
    check(done.code == 0 and b"</svg>" in read_bytes(drawing), f"expected a drawing, found {describe(done)}")


for name in ("bluelm-v", "fast", "float"):
    suite.case(f"{name}: whatever is prefilled ahead gives the same bits", bits, name)
for when in (0, 1, 2):
    suite.case(f"cancelled anywhere, prefill ahead {when}", cancelled, when)
suite.case("a conversation for each picture", one_by_one)
suite.case("pictures in later turns", later_turns)
suite.case("two pictures at once", two_pictures)
suite.case("faults end nothing", faults)
suite.case("a full context", full_context)
suite.case("it ends at any time", ends_at_any_time)
suite.case("interrupts", interrupts)
suite.case("on a terminal", terminal)
suite.case("an answer read aloud", read_aloud)
suite.case("memory over time", memory)


if __name__ == "__main__":
    suite.main()
