//! The menu of faults, and how an order of them is written: `NAME`, `NAME-NUMBER`, or several
//! joined by `+` as in `crlf+slices-3`.
//!
//! A request orders by the name of its model, `fault:ORDER` or `sim:ORDER`; what stands behind an
//! `@` is only there to tell it from others. Or by its key, so that one key of a provider can be
//! refused while another is not.

/// What `--help` says. A test of the simulator orders every line of it.
pub(crate) const MENU: &str = "\
Faults (N is a number); join several with +, as in crlf+slices-3:
  status-N             answers with this status and the dialect's error body
  retry-after-N        429 with Retry-After of N seconds
  retry-after-ms-N     429 with retry-after-ms
  retry-delay-N        429 with Gemini's retryDelay of N seconds in the body
  insufficient-quota   429 that never heals: the account is empty
  day-quota            429 that heals tomorrow
  late-N               nothing at all for N ms, then a whole answer
  late-token-N         the head at once, the first token after N ms
  silent               never answers
  head-only            the head, and then nothing
  stall-N              N tokens, and then nothing
  reset-N              N tokens, and then a reset
  cut-N                N tokens, and then a FIN
  no-finish            ends cleanly, without a finish reason or [DONE]
  not-json-N           an event that is not JSON, after N tokens (two, without a number)
  error-event-N        the dialect's error as an event, after N tokens (two)
  bare-error           the same as bare JSON in several lines, as Gemini does
  filtered-N           N tokens, and then the model's refusal to go on
  refusal              a refusal from the beginning, in the vendor's way
  big-event            one event of 10 MiB, without a line end
  endless              tokens without end
  big-head             1 MiB of response head
  many-fields          10,000 lines of response head
  many-continues       10,000 times 100 Continue
  length-and-chunked   Content-Length and Transfer-Encoding together
  bad-chunk-size       a chunk size that is no number
  negative-length      Content-Length: -1
  two-lengths          two Content-Lengths that differ
  garbage              bytes that are no HTTP at all
  http-0.9             a body without any head
  nul-field            NUL in a field value
  early-hints          103 and 100 before the answer
  gzip                 a compressed answer that nobody asked for
  gzip-bomb            the same, 10 MiB once it is unpacked
  redirect             302 to 169.254.169.254
  redirect-file        302 to file:///etc/passwd
  idle-close-N         closes the connection after N ms without a request
  reused-close         closes without a word if the connection has served a request before
  trailing             another answer behind the answer
  until-close          an answer without length that ends with its connection
  pings                comments (Anthropic: ping events) between the tokens
  no-usage             an answer that does not say what it cost
  times-N              what goes wrong does so N times for this model, and then no more
  slower-N             every wait is N times as long
  tokens-N             a text of N tokens
  echo                 the text is what was asked, as JSON
  thinks               the answer begins with thoughts, whoever asked for them
  slices-N             N bytes a write, one write a turn
  crlf, cr             other line ends in the stream
  bom                  a byte order mark in front of the stream
  data-lines           each event in several data lines
  comments             comments, ids and unknown fields in each event
";

/// A text has so many tokens at most.
const MOST_TOKENS: u64 = 100_000;

/// What is ordered: one fault at most, and how the answer is dressed otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// What goes wrong.
    pub(crate) fault: Option<Fault>,
    /// The line end of a stream; LF unless ordered otherwise.
    pub(crate) line_end: LineEnd,
    /// A byte order mark in front of the stream.
    pub(crate) bom: bool,
    /// Each event in several data lines.
    pub(crate) data_lines: bool,
    /// Fields in each event that mean nothing.
    pub(crate) comments: bool,
    /// Signs of life between the tokens.
    pub(crate) pings: bool,
    /// The answer does not say what it cost.
    pub(crate) no_usage: bool,
    /// Bytes of each write.
    pub(crate) slices: Option<usize>,
    /// How often it goes wrong before it goes well.
    pub(crate) times: Option<u64>,
    /// By what every wait is multiplied.
    pub(crate) slower: Option<u64>,
    /// Tokens of the text.
    pub(crate) tokens: Option<usize>,
    /// The text is what was asked.
    pub(crate) echo: bool,
    /// Thoughts come first.
    pub(crate) thinks: bool,
}

/// How lines of a stream end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// As everybody does.
    #[default]
    Lf,
    /// As Google does.
    CrLf,
    /// As the standard allows.
    Cr,
}

/// What goes wrong; [`MENU`] says it in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Status(u16),
    RetryAfter(u64),
    RetryAfterMs(u64),
    RetryDelay(u64),
    InsufficientQuota,
    DayQuota,
    Late(u64),
    LateToken(u64),
    Silent,
    HeadOnly,
    Stall(usize),
    Reset(usize),
    Cut(usize),
    NoFinish,
    NotJson(usize),
    ErrorEvent(usize),
    BareError,
    Filtered(usize),
    Refusal,
    BigEvent,
    Endless,
    BigHead,
    ManyFields,
    ManyContinues,
    LengthAndChunked,
    BadChunkSize,
    NegativeLength,
    TwoLengths,
    Garbage,
    Http09,
    NulField,
    EarlyHints,
    Gzip,
    GzipBomb,
    Redirect,
    RedirectFile,
    IdleClose(u64),
    ReusedClose,
    Trailing,
    UntilClose,
}

/// The order in the name of a model or in a key; `None` if it is an ordinary one.
pub(super) fn in_name(name: &str) -> Option<Result<Order, String>> {
    let order = (name.strip_prefix("fault:"))
        .or_else(|| name.strip_prefix("sim:"))
        .or_else(|| name.strip_prefix("sim-fault-"))?;
    Some(parse(
        order.split_once('@').map_or(order, |(order, _)| order),
    ))
}

/// Reads an order.
pub(crate) fn parse(text: &str) -> Result<Order, String> {
    let mut order = Order::default();
    for word in text.split('+') {
        add(&mut order, word).ok_or_else(|| format!("there is no fault {word:?}"))?;
    }
    Ok(order)
}

fn add(order: &mut Order, word: &str) -> Option<()> {
    match word {
        "crlf" => order.line_end = LineEnd::CrLf,
        "cr" => order.line_end = LineEnd::Cr,
        "bom" => order.bom = true,
        "data-lines" => order.data_lines = true,
        "comments" => order.comments = true,
        "pings" => order.pings = true,
        "no-usage" => order.no_usage = true,
        "echo" => order.echo = true,
        "thinks" => order.thinks = true,
        _ => match numbered(word) {
            Some(("slices", size)) if size > 0 => order.slices = usize::try_from(size).ok(),
            Some(("tokens", number)) if number > 0 => order.tokens = tokens_of(number),
            Some(("times", number)) => order.times = Some(number),
            Some(("slower", number)) if number > 0 => order.slower = Some(number),
            Some((name, number)) => order.fault = Some(with_number(name, number)?),
            None => order.fault = Some(by_name(word)?),
        },
    }
    Some(())
}

/// `stall-3` is `stall` and 3.
fn numbered(word: &str) -> Option<(&str, u64)> {
    let (name, digits) = word.rsplit_once('-')?;
    Some((name, digits.parse().ok()?))
}

/// A text has a bound, because its order is somebody else's.
fn tokens_of(number: u64) -> Option<usize> {
    usize::try_from(number.min(MOST_TOKENS)).ok()
}

fn with_number(name: &str, number: u64) -> Option<Fault> {
    let tokens = usize::try_from(number).ok()?;
    Some(match name {
        "status" => Fault::Status(u16::try_from(number).ok().filter(is_error)?),
        "retry-after" => Fault::RetryAfter(number),
        "retry-after-ms" => Fault::RetryAfterMs(number),
        "retry-delay" => Fault::RetryDelay(number),
        "late" => Fault::Late(number),
        "late-token" => Fault::LateToken(number),
        "stall" => Fault::Stall(tokens),
        "reset" => Fault::Reset(tokens),
        "cut" => Fault::Cut(tokens),
        "not-json" => Fault::NotJson(tokens),
        "error-event" => Fault::ErrorEvent(tokens),
        "filtered" => Fault::Filtered(tokens),
        "idle-close" => Fault::IdleClose(number),
        _ => return None,
    })
}

fn is_error(status: &u16) -> bool {
    (400..600).contains(status)
}

fn by_name(name: &str) -> Option<Fault> {
    Some(match name {
        "insufficient-quota" => Fault::InsufficientQuota,
        "day-quota" => Fault::DayQuota,
        "silent" => Fault::Silent,
        "head-only" => Fault::HeadOnly,
        // Somewhere in the middle.
        "stall" => Fault::Stall(3),
        "reset" => Fault::Reset(3),
        "cut" => Fault::Cut(3),
        "no-finish" => Fault::NoFinish,
        "not-json" => Fault::NotJson(2),
        "error-event" => Fault::ErrorEvent(2),
        "filtered" => Fault::Filtered(3),
        "refusal" => Fault::Refusal,
        "garbage" => Fault::Garbage,
        "reused-close" => Fault::ReusedClose,
        "bare-error" => Fault::BareError,
        "big-event" => Fault::BigEvent,
        "endless" => Fault::Endless,
        "big-head" => Fault::BigHead,
        "many-fields" => Fault::ManyFields,
        "many-continues" => Fault::ManyContinues,
        "length-and-chunked" => Fault::LengthAndChunked,
        "bad-chunk-size" => Fault::BadChunkSize,
        "negative-length" => Fault::NegativeLength,
        "two-lengths" => Fault::TwoLengths,
        "http-0.9" => Fault::Http09,
        "nul-field" => Fault::NulField,
        "early-hints" => Fault::EarlyHints,
        "gzip" => Fault::Gzip,
        "gzip-bomb" => Fault::GzipBomb,
        "redirect" => Fault::Redirect,
        "redirect-file" => Fault::RedirectFile,
        "trailing" => Fault::Trailing,
        "until-close" => Fault::UntilClose,
        _ => return None,
    })
}
