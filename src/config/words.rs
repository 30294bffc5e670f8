//! What each setting is, in words: for the reference, and for nothing else.

/// What each setting is. Those of a provider are shown for one that has all of them.
pub(super) const WORDS: &[(&str, &str)] = &[
    (
        "listen",
        "address and port; beyond loopback only with `allow_anonymous`",
    ),
    (
        "data_dir",
        "the folder of the database; one process at a time: it locks `maitred.lock` there",
    ),
    (
        "durable",
        "rows that the database cannot take: `spill` keeps them in a journal until it can, `strict` fails their requests",
    ),
    (
        "journal_dir",
        "the folder of that journal; otherwise `journal` in `data_dir`. Better on another disk; one process at a time",
    ),
    (
        "hosts",
        "names accepted in `Host`, beside those that are always safe",
    ),
    ("origins", "web origins whose pages may change something"),
    (
        "allow_anonymous",
        "whoever can reach the address may spend the provider keys",
    ),
    (
        "default_provider",
        "the provider of requests that name none",
    ),
    (
        "default_model",
        "the model of requests that name neither a model nor a provider, for instance one of `[model.NAME]`; otherwise that provider's",
    ),
    (
        "dns",
        "name servers to ask for the addresses of providers, see below; otherwise the system's resolver",
    ),
    ("prompt", "what a provider is asked; `{topic}` exactly once"),
    (
        "keywords_prompt",
        "what a provider is asked for keywords; `{content}` exactly once, `{limit}` as often as you like",
    ),
    ("coalesce", "equal requests in flight share one call"),
    (
        "half_close",
        "a client that closed its sending side still waits for its text",
    ),
    ("debug", "`/debug/spans` exists"),
    (
        "connections",
        "clients at a time, 16 to 65,536; otherwise what the limit of open files allows",
    ),
    (
        "seed",
        "the seed of all randomness; otherwise drawn at the start",
    ),
    ("record", "a file to record the run into"),
    ("log.format", "or `json`"),
    ("log.level", "`error`, `warn`, `info`, `debug` or `trace`"),
    (
        "rate.requests",
        "requests that cost a call or a scorer, such as `[\"60/min\", \"1000/day\"]`, up to four; then 429",
    ),
    (
        "rate.tokens",
        "tokens of prompts and answers, such as `[\"100000/min\"]`, up to four; then 429",
    ),
    (
        "rate.connections",
        "connections at a time; more: 429, more than twice as many: closed",
    ),
    (
        "rate.subjects",
        "of how many addresses that is remembered; others share one allowance",
    ),
    (
        "database.url",
        "`postgres://…` or `sqlite:PATH`, also as `DATABASE_URL`; otherwise a file in `data_dir`",
    ),
    (
        "database.connections",
        "connections to a PostgreSQL server at a time, 1 to 256; each serves many requests",
    ),
    (
        "database.statement_ms",
        "a statement there; longer: 503 `store_timeout`",
    ),
    (
        "database.wait_ms",
        "a statement without a connection; longer: 503 `store_unreachable`",
    ),
    (
        "database.pgbouncer",
        "a pooler that gives each transaction another session is in between; usually noticed",
    ),
    (
        "redis.url",
        "`redis://NAME:PASSWORD@HOST:PORT/DATABASE`, `rediss://` for TLS, also as `REDIS_URL`; then limits are shared",
    ),
    (
        "redis.ca_file",
        "certificates in PEM that are trusted instead of the system's",
    ),
    ("redis.prefix", "what all keys there begin with"),
    (
        "redis.op_ms",
        "an answer; later: the connection is closed, and what it was for is decided without",
    ),
    (
        "redis.answers_s",
        "for how long a stored text is kept there as an answer; 0: not at all. Not set: 60 where the database is a PostgreSQL server, otherwise 0",
    ),
    (
        "redis.cluster",
        "it is a cluster: its other servers are asked where it says so, with the same name, password and TLS",
    ),
    (
        "retention.texts_days",
        "texts, generated and analysed, with scores and keywords; older ones are removed. Otherwise never",
    ),
    ("retention.requests_days", "rows of requests, likewise"),
    (
        "retention.jobs_days",
        "jobs that are over, with their items and results, counted from their end. Otherwise never",
    ),
    (
        "retention.texts_bytes",
        "all texts together, generated and analysed, in bytes; the oldest that are too many are removed",
    ),
    (
        "cache.max_age_s",
        "how old a stored text may be that answers the same prompt, where a client says nothing about it; 0: only where it says `use`",
    ),
    (
        "cache.chats_max_age_s",
        "how old an answer may be that answers the same chat on a vendor's route; 0: none is kept",
    ),
    ("limits.body_bytes", "a request body; larger: 413"),
    (
        "limits.analyze_body_bytes",
        "the body of `/analyze/` and `/keywords/`; larger: 413",
    ),
    (
        "limits.chat_body_bytes",
        "the body of a chat on the vendors' routes, pictures included; larger: 413",
    ),
    (
        "limits.head_ms",
        "first to last byte of a request head; then 408",
    ),
    (
        "limits.body_gap_ms",
        "between two pieces of a body; then 408",
    ),
    (
        "limits.keep_alive_ms",
        "a connection without a further request; then closed. Before the first one it is `limits.head_ms`",
    ),
    (
        "limits.write_stall_ms",
        "a client that takes no byte of its answer; then cut off",
    ),
    (
        "limits.linger_ms",
        "reading on after an early answer; at least 10 s if it is to an import",
    ),
    ("limits.shutdown_ms", "from SIGTERM to the exit"),
    (
        "limits.resume_grace_ms",
        "a text that nobody listens to any more; at most `limits.replay_ms`",
    ),
    (
        "limits.replay_ms",
        "a finished text is kept in memory for resume",
    ),
    ("limits.replay_bytes", "bytes of such texts in all"),
    (
        "limits.heartbeat_ms",
        "silence on a stream before a comment is sent",
    ),
    (
        "limits.score_ms",
        "scoring a generated text; then it is answered without scores",
    ),
    (
        "limits.ledger_bytes",
        "bytes of all buffers together; full: 503",
    ),
    (
        "limits.journal_bytes",
        "bytes that may wait in the journal; full: the database's error",
    ),
    (
        "limits.generations",
        "texts at a time, those kept for resume included; full: 503",
    ),
    (
        "provider.openai.kind",
        "the dialect: `openai`, `anthropic` or `gemini`; by default the vendor's of that name, else `openai`",
    ),
    (
        "provider.openai.base_url",
        "where it is; required for names without a vendor",
    ),
    (
        "provider.openai.model",
        "the model of requests that name none; required for names without a vendor",
    ),
    (
        "provider.openai.key",
        "its key; servers of one's own often want none",
    ),
    (
        "provider.openai.keys",
        "several keys instead, as a list or as a table of names; see below",
    ),
    (
        "provider.openai.models",
        "the models that it has; whoever asks for one of them by its name alone asks it",
    ),
    (
        "provider.openai.concurrency",
        "calls at a time, the others wait in line; `\"adaptive\"` finds out; otherwise as many as connections",
    ),
    (
        "provider.openai.queue_calls",
        "calls in that line, three quarters of them of one address at most; more: 503",
    ),
    (
        "provider.openai.queue_ms",
        "waiting in it; then 503. 60000 where `concurrency` is set",
    ),
    ("provider.openai.connections", "connections at a time"),
    (
        "provider.openai.ca_file",
        "certificates to trust instead of the system's, in PEM",
    ),
    (
        "provider.openai.resolve_ms",
        "looking its name up; then 504. Name servers in `dns` are given up after 3000 in any case",
    ),
    (
        "provider.openai.connect_ms",
        "TCP, all addresses together; then 504",
    ),
    ("provider.openai.tls_ms", "the handshake; then 504"),
    (
        "provider.openai.first_byte_ms",
        "from the request to the first byte; then 504",
    ),
    (
        "provider.openai.first_content_ms",
        "from the request to the first piece of text, thinking or refusal; then 504",
    ),
    (
        "provider.openai.content_gap_ms",
        "between two of them; bytes that are none of these do not count; then 504",
    ),
    ("provider.openai.total_ms", "the whole call; then 504"),
    (
        "provider.openai.pool_wait_ms",
        "a call that has its turn and waits until a connection may be opened; then 503",
    ),
    (
        "provider.openai.retries",
        "further attempts while no text has come, 0 to 10",
    ),
    (
        "provider.openai.retry_base_ms",
        "the first wait is drawn from 0 to this, doubled each time",
    ),
    (
        "provider.openai.retry_cap_ms",
        "no wait is longer, unless the provider asks for it",
    ),
    (
        "provider.openai.retry_hint_ms",
        "a provider that asks for more is not waited for",
    ),
    (
        "provider.openai.retry_timeouts",
        "limits that ran out are tried again too",
    ),
    (
        "provider.openai.breaker_failures",
        "failures in a row until it is not asked for a while; 0: never",
    ),
    (
        "provider.openai.breaker_open_ms",
        "that while; doubled with each probe that fails, up to 60000",
    ),
    (
        "gateway.failover_ms",
        "a stream without content for so long goes on at the next target of its model, if it has one; 0: never",
    ),
    (
        "model.smart.targets",
        "who can be asked, the preferred one first; see below",
    ),
    (
        "model.smart.slow_ms",
        "the same as `gateway.failover_ms`, for this model",
    ),
    (
        "model.smart.hedge_ms",
        "a stream without content for so long is asked of the next target as well, and the first content wins",
    ),
    ("price.gpt-4o.prompt", "a million tokens of the prompt"),
    ("price.gpt-4o.completion", "of the answer"),
    (
        "price.gpt-4o.cached",
        "of what the provider had in its cache; as `prompt` if not set",
    ),
    (
        "gateway.store",
        "what is kept of answers on the vendors' routes: `texts` with their rows, `requests` (rows alone) or `off`",
    ),
    (
        "gateway.heartbeat_ms",
        "silence on a stream of theirs before a sign of life; 0: never",
    ),
    (
        "jobs.parallel",
        "items of jobs in hand at a time; 0: this process takes jobs in and leaves them to others",
    ),
    (
        "jobs.lease_ms",
        "for so long an item of a process that says nothing more is left to it; then another takes it",
    ),
    ("offline.gap_ms", "between two tokens of a stream"),
    ("offline.tokens", "tokens of an article, at most"),
    (
        "offline.concurrency",
        "articles at a time, the others wait in line",
    ),
    ("offline.queue_calls", "how many may wait; more: 503"),
    (
        "offline.queue_ms",
        "waiting in line; then 503. 60000 where `concurrency` is set",
    ),
    ("drill.stall_scorer_ms", "a scorer sleeps before each text"),
    (
        "drill.stall_writer_ms",
        "the store's writer sleeps before each transaction",
    ),
    ("drill.stall_loop_ms", "the loop sleeps in each turn"),
    (
        "drill.panic_scorer_on",
        "a scorer panics on a text that has these words",
    ),
];
