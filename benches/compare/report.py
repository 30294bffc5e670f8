"""The result as a page."""

from collections import Counter
from statistics import median

HEAD = "| row | figure | {sides} | {ratios} |"
# Figure, unit, digits.
FIGURES = [
    ("cpu_us", "CPU, µs per {per}", 2),
    ("cpu_share", "CPU, share of its core", 2),
    ("answers_per_s", "answers/s", 0),
    ("tokens_per_s", "tokens/s", 0),
    ("tokens_per_event", "tokens in one event", 2),
    ("latency_p50_ms", "latency p50, ms", 2),
    ("latency_p99_ms", "latency p99, ms", 2),
    ("first_token_p50_ms", "first token p50, ms", 2),
    ("gap_excess_p99_ms", "token gap p99 beyond the provider's, ms", 1),
    ("rss_mib", "RSS, MiB", 1),
    ("kib_per_connection", "RSS per connection, KiB", 2),
    ("scorer_us_per_kb", "scorer, µs/KB (beside it)", 1),
    ("writer_us_per_text", "SQLite, µs/text (beside it)", 1),
    ("errors", "errors, all rounds", 0),
]
# Ratios make sense where less is better and the work is the same.
RATIOS = {"cpu_us", "rss_mib", "kib_per_connection"}


def middle(rounds, figure):
    """The median of a figure over rounds, and None if it has none."""
    values = [one[figure] for one in rounds if figure in one]
    if not values:
        return None
    return sum(values) if figure == "errors" else median(values)


def ratio(row, side, figure):
    """maitred to another side: the median over rounds, both figures from the same round."""
    ours, theirs = row["sides"].get("maitred", []), row["sides"].get(side, [])
    pairs = [one[figure] / other[figure] for one, other in zip(ours, theirs)
             if other.get(figure) and figure in one]
    return median(pairs) if pairs else None


def cell(value, digits):
    return "–" if value is None else f"{value:,.{digits}f}"


def table(result, sides):
    others = [side for side in sides if side != "maitred"]
    lines = [
        HEAD.format(sides=" | ".join(sides), ratios=" | ".join(f"to {other}" for other in others)),
        "|---|---|" + "--:|" * (len(sides) + len(others)),
    ]
    for name, row in result["rows"].items():
        title = f"**{row['title']}**" + (f" ({row['rate']:.0f}/s)" if row["rate"] else "")
        for figure, unit, digits in FIGURES:
            values = [middle(row["sides"].get(side, []), figure) for side in sides]
            if all(value is None for value in values):
                continue
            ratios = [ratio(row, other, figure) if figure in RATIOS else None for other in others]
            cells = [cell(value, digits) for value in values]
            cells += ["" if value is None else f"{value:.2f}" for value in ratios]
            lines.append(f"| {title} | {unit.format(per=row['per'])} | {' | '.join(cells)} |")
            title = ""
    return lines


def counted(result, sides):
    lines = ["| work | counted | " + " | ".join(sides) + " |", "|---|---|" + "--:|" * len(sides)]
    for name, row in result["counts"].items():
        for figure, unit in [("system_calls", "system calls"), ("instructions", "instructions")]:
            values = [row["sides"].get(side, {}).get(figure) for side in sides]
            digits = 2 if figure == "system_calls" else 0
            cells = " | ".join(cell(value, digits) for value in values)
            lines.append(f"| `{name}` | {unit} per {row['per']} | {cells} |")
    lines.append("")
    for name, row in result["counts"].items():
        for side, found in row["sides"].items():
            calls = ", ".join(f"{call} {count}" for call, count in found.get("by_name", {}).items())
            if calls:
                lines.append(f"- `{name}`, {side}: {calls}")
    return lines


def doubts(result):
    """Measurements that the generator was too slow for, and errors by kind."""
    lines = [f"- `{row}`, {side}: a round failed: {error}" for row, side, error in result["failures"]]
    for name, row in result["rows"].items():
        for side, rounds in row["sides"].items():
            bound = sum(one["generator_bound"] for one in rounds)
            if bound:
                lines.append(f"- `{name}`, {side}: generator-bound in {bound} of {len(rounds)} rounds")
            kinds = Counter()
            for one in rounds:
                kinds.update(one["error_kinds"])
            if any(kind.startswith("status ") for kind in kinds):
                del kinds["status"]  # the sum of them
            told = ", ".join(f"{count:,} x {kind}" for kind, count in sorted(kinds.items()))
            if told:
                lines.append(f"- `{name}`, {side}: errors in all rounds: {told}")
    return lines or ["- none"]


def page(result):
    made = result["made"]
    sides = list(result["cold_start_ms"])
    machine = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in made["machine"].items())
    versions = "; ".join(f"{who}: {what}" for who, what in made["versions"].items())
    starts = ", ".join(f"{side} {median(ms):.0f} ms" for side, ms in
                       result["cold_start_ms"].items())
    binary = result["binary_mib"]
    updates = [f"- measured again: {', '.join(update['rows'])}, commit {update['commit']}, "
               f"`{update['command']}`{': ' if update['note'] else ''}{update['note']}"
               for update in made.get("updates", [])]
    note = [f"- note: {made['note']}"] if made["note"] else []
    return "\n".join([
        f"# maitred side by side, {made['date']}", "",
        f"- command: `{made['command']}` ({made['minutes']} minutes)",
        f"- commit: {made['commit']}",
        f"- machine: {machine}",
        f"- versions: {versions}",
        *note, *updates, "",
        "How it is measured, and what is not fair about it: [performance](../performance.md). Figures "
        "are medians over rounds; ratios are medians of the ratios of each round.", "",
        "## Times and memory", "", *table(result, sides), "",
        "## Counted in rounds of their own", "", *counted(result, sides), "",
        f"Start to first answer: {starts}. Release binary: {binary['stripped']} MiB, with line tables "
        f"{binary['built']} MiB.", "",
        "## To be doubted", "", *doubts(result), "",
    ])
