"""Names every figure that is more than 5 % worse than in an earlier result.

Times are compared as ratios to nginx in the same rounds, because a machine is never equally fast
twice; what is counted, and memory, as it is. Rows without nginx have nothing to compare their times
with, and a round in which the generator was late has times that are not the server's.
"""

import json
from statistics import median

import report

WORSE = 1.05
# Below these a change of 5 % is rounding.
SMALL = {"kib_per_connection": 0.1, "system_calls": 0.02}
TIMES = {
    "latency_p50_ms": "latency p50",
    "latency_p99_ms": "latency p99",
    "first_token_p50_ms": "first token p50",
    "gap_excess_p99_ms": "token gap p99 beyond the provider's",
}


def measured(result):
    """All figures that may get worse, by name. More is worse in each."""
    found = {}
    for name, row in result["rows"].items():
        ratio = report.ratio(row, "nginx", "cpu_us")
        if ratio is not None:
            found[f"{name}: CPU per {row['per']}, ratio to nginx"] = ratio
        ours, theirs = (row["sides"].get(side, []) for side in ("maitred", "nginx"))
        if not any(one["generator_bound"] for one in [*ours, *theirs]):
            for figure, what in TIMES.items():
                ratio = report.ratio(row, "nginx", figure)
                if ratio is not None:
                    found[f"{name}: {what}, ratio to nginx"] = ratio
        for figure in ("kib_per_connection", "rss_mib", "errors"):
            value = report.middle(ours, figure)
            if value is not None:
                found[f"{name}: {figure}"] = value
    for name, row in result["counts"].items():
        for figure in ("system_calls", "instructions"):
            value = row["sides"].get("maitred", {}).get(figure)
            if value is not None:
                found[f"{name}: {figure} per {row['per']}"] = value
    starts = result["cold_start_ms"]
    if {"maitred", "nginx"} <= set(starts):
        found["start: ratio to nginx"] = median(starts["maitred"]) / median(starts["nginx"])
    found["binary, MiB"] = result["binary_mib"]["stripped"]
    return found


def is_worse(name, before, after):
    small = next((least for figure, least in SMALL.items() if figure in name), 0.0)
    return after > before * WORSE and after - before > small


def compare(baseline, newer):
    """Prints what is worse; 1 if anything is."""
    old, new = (measured(json.loads(file.read_text())) for file in (baseline, newer))
    worse = [name for name in new if name in old and is_worse(name, old[name], new[name])]
    for name in worse:
        print(f"worse: {name}: {old[name]:.3f} before, {new[name]:.3f} now")
    missing = [name for name in old if name not in new]
    for name in missing:
        print(f"not measured now: {name}")
    print(f"{len(worse)} of {len(new)} figures are more than 5 % worse than in {baseline}")
    return 1 if worse else 0
