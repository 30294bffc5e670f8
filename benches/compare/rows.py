"""The rows of the table: what is asked for, by how many, and of which provider."""

import dataclasses


@dataclasses.dataclass
class Row:
    """One row. `load` and `provider` are arguments of `examples/load` and `provider_sim`."""

    name: str
    title: str
    kind: str
    """health, generate or stream."""
    load: list
    provider: list = dataclasses.field(default_factory=list)
    per: str = "answer"
    """What CPU time is divided by: an answer or a token."""
    tls: bool = False
    rounds: int = 5
    is_memory: bool = False
    """Memory per connection is a figure of this row."""
    is_only_memory: bool = False
    """… and the only one."""
    open_share: float = 0.0
    """Open loop: the share of what the slowest side answered in `generate_64`."""
    gap_ms: int = 0
    """What the provider waits between two tokens."""
    tokens: int = 0
    """Tokens of the provider in each stream."""

    def done(self, report):
        """The answers, or the provider's tokens in them."""
        return max(1, report["answers"] * (self.tokens or 1))


TEXT = ["--bytes", "1024"]
STREAM_TEXT = ["--bytes", "600"]


def seconds(short, full=5):
    return ["--duration-s", "2" if short else str(full)]


def streams(name, title, crowd, tokens, gap_ms, **options):
    """So many streams at once, each from its beginning to its end."""
    ramp = max(1.0, crowd / 2000)
    # Tokens are not counted at the client: whoever is late may put several into one event.
    load = ["-c", str(crowd), "--requests", str(crowd), "--text-bytes", "600",
            "--ramp-s", str(ramp), "--timeout-s", "60"]
    provider = [*STREAM_TEXT, "--tokens", str(tokens), "--gap-ms", str(gap_ms)]
    return Row(name, title, "stream", load, provider, per="token", gap_ms=gap_ms, tokens=tokens,
               **options)


def rows(short):
    """All rows; short ones take a minute or two in all and say little about the last digit."""
    crowd = 1000 if short else 9900
    rounds = 2 if short else 5
    long_rounds = 1 if short else 3
    tokens, gap = (10, 200) if short else (100, 1000)
    text = ["--text-bytes", "1024"]
    table = [
        Row("health_64", "`GET /healthz`, 64 connections", "health",
            ["-c", "64", *seconds(short)], rounds=rounds),
        Row("generate_64", "one provider call, whole, 1 KB, 64 connections", "generate",
            ["-c", "64", *text, *seconds(short)], TEXT, rounds=rounds),
        Row("generate_64_tls", "the same, TLS to the provider", "generate",
            ["-c", "64", *text, *seconds(short)], TEXT, rounds=rounds, tls=True),
        Row("generate_open", "the same, plain, open loop at half of what the slowest side answers",
            "generate", ["-c", "512", "--poisson", *text, *seconds(short)], TEXT, rounds=rounds,
            open_share=0.5),
        Row("generate_crowd", f"{crowd:,} connections, provider takes 100 ms", "generate",
            ["-c", str(crowd), *text, *seconds(short, 10)], [*TEXT, "--latency-ms", "100"],
            rounds=long_rounds, is_memory=True),
        streams("streams", f"{crowd:,} streams, {tokens} tokens, one in {gap} ms", crowd, tokens,
                gap, rounds=long_rounds, is_memory=True),
        streams("streams_tls", "the same, TLS to the provider", crowd, tokens, gap,
                rounds=1, is_memory=True, tls=True),
        Row("idle", f"{crowd:,} idle keep-alive connections", "health",
            ["-c", str(crowd), "--rate", str(crowd / 5), "--duration-s", "12"], rounds=1 if short
            else 3, is_memory=True, is_only_memory=True),
    ]
    # Every number of tokens divides the 600 bytes, or there would be fewer.
    faster = {2: 40, 5: 100, 10: 200, 20: 300}
    for rate, tokens in ({} if short else faster).items():
        table.append(streams(f"streams_at_{rate}", f"{crowd:,} streams at {rate} tokens/s", crowd,
                             tokens, 1000 // rate, rounds=1))
    return table


def counted_rows():
    """What system calls and instructions are counted for, in rounds of their own: counting slows
    everything down, so that its times mean nothing."""
    return [
        Row("health_64", "", "health", ["-c", "64", "--requests", "30000", "--ramp-s", "0"]),
        Row("generate_64", "", "generate",
            ["-c", "64", "--text-bytes", "1024", "--requests", "10000", "--ramp-s", "0"], TEXT),
        streams("streams", "", 1000, 20, 200),
    ]
