"""One measurement: a provider, a side in front of it, the generator, and what they say."""

import collections
import dataclasses
import json
import os
import re
import subprocess
import time

import sides
import tools


def measure(row, side, folder, rate=None, cert=None):
    """Measures a side once, in fresh processes. Returns figures by name."""
    provider = sides.Provider(folder / "provider", row.provider, cert if row.tls else None)
    running = sides.start(side, folder / side, provider, row)
    try:
        warm(running, row, side, folder)
        watched = {"loop": running.pid, **helpers(running, side)}
        arguments = [*row.load, *(["--rate", f"{rate:.0f}"] if rate else [])]
        report = generate(running, row, side, folder, arguments, watched)
    finally:
        running.stop()
        provider.stop()
    return figures(row, report, dict(zip(watched, report["watched"])))


def helpers(running, side):
    """maitred's other threads, whose work is said beside the loop's."""
    return running.threads() if side == "maitred" else {}


def warm(running, row, side, folder):
    """A few answers, so that what is made once is there before memory is looked at. They are whole
    ones, because a stream takes its time."""
    kind = row.kind if row.is_health else "chat" if row.is_chat else "generate"
    whole = dataclasses.replace(row, kind=kind)
    generate(running, whole, side, folder, ["-c", "2", "--requests", "20"], {})


def generate(running, row, side, folder, arguments, watched, during=None):
    """Runs the generator, and returns its report."""
    result = folder / "report.json"
    result.unlink(missing_ok=True)
    command = [str(tools.LOAD), f"127.0.0.1:{running.port}", sides.work_of(side, row.kind),
               *arguments, "--json", str(result)]
    for tid in watched.values():
        command += ["--watch", f"{running.pid}/{tid}"]
    if during:
        command += ["--during", during]
    child = sides.spawn(command, folder, stdout=subprocess.DEVNULL)
    if child.wait() == 2 or not result.exists():
        raise RuntimeError(f"{' '.join(command)}: {(folder / 'log').read_text()[-500:]}")
    return json.loads(result.read_text())


def figures(row, report, watched):
    """What is kept of a report."""
    loop = watched["loop"]
    done = row.done(report)
    errors = {k: v for k, v in report["errors"].items() if k != "details" and v}
    found = {
        "cpu_us": loop["cpu_s"] * 1e6 / done,
        "cpu_share": loop["cpu_s"] / report["seconds"],
        "answers_per_s": report["answers_per_s"],
        "latency_p50_ms": report["latency_us"]["p50"] / 1000,
        "latency_p99_ms": report["latency_us"]["p99"] / 1000,
        "errors": sum(errors.values()),
        "error_kinds": {**errors, **report["errors"]["details"]},
        "generator_lag_p99_ms": report["lag_us"]["p99"] / 1000,
        "generator_bound": report["generator_bound"],
        "rss_mib": loop["rss_max_kib"] / 1024,
    }
    if row.is_memory:
        grown = loop["rss_max_kib"] - loop["rss_before_kib"]
        found["kib_per_connection"] = grown / report["connections"]
    if row.is_stream:
        found["tokens_per_s"] = done / report["seconds"]
        found["tokens_per_event"] = done / max(report["tokens"], 1)
        found["first_token_p50_ms"] = report["first_token_us"]["p50"] / 1000
        found["gap_p99_ms"] = report["token_gap_us"]["p99"] / 1000
        found["gap_excess_p99_ms"] = found["gap_p99_ms"] - row.gap_ms
    for name, thread in watched.items():
        if name.startswith("scorer") and report["text_bytes"]:
            found["scorer_us_per_kb"] = thread["cpu_s"] * 1e9 / report["text_bytes"]
        if name == "sqlite-writer" and report["text_bytes"]:
            found["writer_us_per_text"] = thread["cpu_s"] * 1e6 / report["answers"]
    if row.is_only_memory:
        kept = ("errors", "error_kinds", "generator_bound", "rss_mib", "kib_per_connection")
        return {figure: found[figure] for figure in kept}
    return found


def system_calls(row, side, folder):
    """System calls of the measured thread for an answer or a token: all, and by name."""
    provider = sides.Provider(folder / "provider", row.provider)
    running = sides.start(side, folder / side, provider, row)
    summary = folder / "strace"
    try:
        warm(running, row, side, folder)
        report = generate(running, row, side, folder, row.load, {},
                          f"strace -c -p {running.pid} -o {summary}")
    finally:
        running.stop()
        provider.stop()
    done = row.done(report)
    # `% time, seconds, usecs/call, calls, errors (or nothing), name`
    lines = [line.split() for line in summary.read_text().splitlines()]
    counts = {line[-1]: int(line[3]) / done for line in lines
              if len(line) >= 5 and line[3].isdigit()}
    total = counts.pop("total")
    names = dict(sorted(counts.items(), key=lambda pair: -pair[1])[:8])
    return total, {name: round(count, 3) for name, count in names.items()}


def instructions(row, side, folder):
    """Instructions outside the kernel for an answer or a token, and the functions with most of
    them, both of the measured thread and both from callgrind."""
    provider = sides.Provider(folder / "provider", row.provider)
    out = folder / "callgrind"
    before = ["valgrind", "--tool=callgrind", "--separate-threads=yes", "--instr-atstart=no",
              "--dump-line=no", f"--callgrind-out-file={out}.%p"]
    running = sides.start(side, folder / side, provider, row, before)
    requests = ["-c", "64", "--requests", "2000", "--ramp-s", "0"]
    if row.is_stream:
        requests = ["-c", "64", "--requests", "256", "--ramp-s", "0"]
    try:
        warm(running, row, side, folder)
        control(running.pid, "-i", "on")
        report = generate(running, row, side, folder, requests, {})
        control(running.pid, "-i", "off")
        control(running.pid, "-d")
    finally:
        running.stop()
        provider.stop()
    done = row.done(report)
    # A dump has a part for each thread; the first thread is the measured one.
    parts = sorted(folder.glob(f"callgrind.{running.pid}.1-01")) or sorted(
        folder.glob(f"callgrind.{running.pid}.1*"))
    return annotate(parts[0], done)


def control(pid, *arguments):
    subprocess.run(["callgrind_control", *arguments, str(pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)


def annotate(part, done):
    """Instructions in all, and the functions that have most of them without what they call."""
    text = tools.output("callgrind_annotate", "--threshold=100", "--auto=no", str(part))
    total = re.search(r"^\s*([\d,]+) .*PROGRAM TOTALS", text, re.MULTILINE)
    if not total:
        raise RuntimeError(f"callgrind_annotate: {text[-500:]}")
    functions = collections.Counter()
    for count, name in re.findall(r"^\s*([\d,]+) \([^)]*\)\s+(\S.*)$", text, re.MULTILINE):
        # `file:function [object]`; what was inlined from several files is one function again.
        name = re.split(r"(?<!:):(?!:)", re.sub(r" \[.*\]$", "", name), maxsplit=1)[-1]
        if "PROGRAM TOTALS" not in name:
            functions[name[:100]] += int(count.replace(",", ""))
    top = [[name, round(count / done, 1)] for name, count in functions.most_common(20)]
    return int(total[1].replace(",", "")) / done, top


def cold_start(side, folder, provider):
    """Milliseconds from the start of the program to its first answer."""
    folder.mkdir(parents=True, exist_ok=True)
    port = tools.free_port()
    command = sides.command_of(side, folder, port, provider, None)
    begun = time.monotonic()
    child = sides.spawn(command, folder, cores=sides.LOOP_CORE | sides.OTHER_CORE)
    try:
        tools.wait_for(port)
        answer = first_answer(port)
        took = time.monotonic() - begun
    finally:
        sides.Running(child, child.pid, port).stop()
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{side} began with {answer!r}")
    return took * 1000


def first_answer(port):
    with tools.socket.create_connection(("127.0.0.1", port), timeout=5) as stream:
        stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return stream.recv(4096)


def settle():
    """A moment for the kernel to clear up after thousands of sockets."""
    os.sync()
    time.sleep(0.5)
