"""The rows of the table: what is asked for, by how many, and of which provider."""

import dataclasses


@dataclasses.dataclass
class Row:
    """One row. `load` and `provider` are arguments of `examples/load` and `provider_sim`."""

    name: str
    title: str
    kind: str
    """health, generate, stream (of maitred's own API; a proxy is asked for what maitred asks the
    provider), chat or chat-stream (the same for all)."""
    load: list
    provider: list = dataclasses.field(default_factory=list)
    per: str = "answer"
    """What CPU time is divided by: an answer or a token."""
    tls: bool = False
    rounds: int = 3
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
    settings: str = ""
    """Lines for maitred's configuration."""
    speech: str = "openai"
    """The provider's dialect, as maitred is told."""
    only: str = ""
    """The one side that this is a row of."""

    @property
    def is_stream(self):
        return self.kind in ("stream", "chat-stream")

    @property
    def is_health(self):
        return self.kind == "health"

    @property
    def is_chat(self):
        return self.kind in ("chat", "chat-stream")

    def done(self, report):
        """The answers, or the provider's tokens in them."""
        return max(1, report["answers"] * (self.tokens or 1))


TEXT = ["--bytes", "1024"]
STREAM_TEXT = ["--bytes", "600"]


def seconds(short, full=5):
    return ["--duration-s", "2" if short else str(full)]


# Nothing is stored: a proxy does not either.
OFF = '[gateway]\nstore = "off"\n'
# One row for each request, but not its text, which would be scored as well.
REQUESTS = '[gateway]\nstore = "requests"\n'


def streams(name, title, crowd, tokens, gap_ms, kind="stream", **options):
    """So many streams at once, each from its beginning to its end. One round takes minutes."""
    ramp = max(1.0, crowd / 2000)
    # Tokens are not counted at the client: whoever is late may put several into one event.
    load = ["-c", str(crowd), "--requests", str(crowd), "--text-bytes", "600",
            "--ramp-s", str(ramp), "--timeout-s", "60"]
    provider = [*STREAM_TEXT, "--tokens", str(tokens), "--gap-ms", str(gap_ms)]
    return Row(name, title, kind, load, provider, per="token", rounds=1, gap_ms=gap_ms,
               tokens=tokens, **options)


def rows(short):
    """All rows; short ones say little about the last digit."""
    crowd = 1000 if short else 9900
    rounds = 2 if short else 3
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
            rounds=1 if short else 3, is_memory=True),
        streams("streams", f"{crowd:,} streams, {tokens} tokens, one in {gap} ms", crowd, tokens,
                gap, is_memory=True),
        streams("streams_tls", "the same, TLS to the provider", crowd, tokens, gap,
                is_memory=True, tls=True),
        Row("idle", f"{crowd:,} idle keep-alive connections", "health",
            ["-c", str(crowd), "--rate", str(crowd / 5), "--duration-s", "12"], rounds=1 if short
            else 3, is_memory=True, is_only_memory=True),
    ]
    table += chats(text, crowd, tokens, gap, rounds, short)
    # Every number of tokens divides the 600 bytes, or there would be fewer. The rates between are to
    # find the one at which tokens begin to be late.
    faster = {2: 40, 5: 100, 6: 120, 7: 150, 8: 150, 10: 200, 20: 300}
    for rate, tokens in ({} if short else faster).items():
        table.append(streams(f"streams_at_{rate}", f"{crowd:,} streams at {rate} tokens/s", crowd,
                             tokens, 1000 // rate, only="maitred" if rate in (6, 7, 8) else ""))
    return table


def chats(text, crowd, tokens, gap, rounds, short):
    """The gateway: an OpenAI client in front of an OpenAI provider, so that all sides pass on; then
    the same client in front of a provider with another dialect, for maitred only."""
    load = ["-c", "64", *text, *seconds(short)]
    title = "`POST /v1/chat/completions`, whole, 1 KB, 64 connections"
    return [
        Row("chat_64", f"{title}, text and row stored", "chat", load, TEXT, rounds=rounds),
        Row("chat_64_requests", "the same, its row stored", "chat", load, TEXT, rounds=rounds,
            settings=REQUESTS),
        Row("chat_64_off", "the same, nothing stored", "chat", load, TEXT, rounds=rounds,
            settings=OFF),
        Row("chat_64_translated", "the same, nothing stored, the provider speaks Anthropic's dialect",
            "chat", load, TEXT, rounds=rounds, settings=OFF, speech="anthropic", only="maitred"),
        streams("chat_streams", f"{crowd:,} streamed chats, {tokens} tokens, one in {gap} ms, stored",
                crowd, tokens, gap, "chat-stream", is_memory=True),
        streams("chat_streams_500", "500 of them", 500, tokens, gap, "chat-stream"),
    ]


def counted_rows():
    """What system calls and instructions are counted for, in rounds of their own: counting slows
    everything down, so that its times mean nothing."""
    return [
        Row("health_64", "", "health", ["-c", "64", "--requests", "30000", "--ramp-s", "0"]),
        Row("generate_64", "", "generate",
            ["-c", "64", "--text-bytes", "1024", "--requests", "10000", "--ramp-s", "0"], TEXT),
        streams("streams", "", 1000, 20, 200),
        Row("chat_64", "", "chat",
            ["-c", "64", "--text-bytes", "1024", "--requests", "10000", "--ramp-s", "0"], TEXT),
        Row("chat_64_off", "", "chat",
            ["-c", "64", "--text-bytes", "1024", "--requests", "10000", "--ramp-s", "0"], TEXT,
            settings=OFF),
        Row("chat_64_translated", "", "chat",
            ["-c", "64", "--text-bytes", "1024", "--requests", "10000", "--ramp-s", "0"], TEXT,
            settings=OFF, speech="anthropic", only="maitred"),
        streams("chat_streams", "", 1000, 20, 200, "chat-stream"),
    ]
