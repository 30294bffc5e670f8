//! What Redis 7.0.15 has sent, byte by byte, each with what was asked.

pub(super) const HELLO_3: &[u8] = b"%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n\
    $5\r\nproto\r\n:3\r\n$2\r\nid\r\n:4\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n\
    $7\r\nmodules\r\n*0\r\n";
pub(super) const NOAUTH: &[u8] = b"-NOAUTH HELLO must be called with the client already authenticated, \
    otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the \
    RESP protocol version at the same time\r\n";
pub(super) const WRONGPASS: &[u8] =
    b"-WRONGPASS invalid username-password pair or user is disabled.\r\n";
pub(super) const NOPROTO: &[u8] = b"-NOPROTO unsupported protocol version\r\n";
/// What servers before 6.0 say to `HELLO 3`.
pub(super) const NO_HELLO: &[u8] =
    b"-ERR unknown command `HELLO`, with args beginning with: `3`, `SETNAME`, `maitred`, \r\n";
pub(super) const BAD_DATABASE: &[u8] = b"-ERR DB index is out of range\r\n";
pub(super) const SUBSCRIBED: &[u8] = b">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";

/// All of them, one message each.
pub(super) const ALL: [&[u8]; 18] = [
    HELLO_3,
    NOAUTH,
    WRONGPASS,
    NOPROTO,
    NO_HELLO,
    BAD_DATABASE,
    SUBSCRIBED,
    // SET, GET, GET of nothing in both versions, INCRBY, PTTL without one, HGETALL of nothing
    b"+OK\r\n",
    b"$1\r\nv\r\n",
    b"_\r\n",
    b"$-1\r\n",
    b":3\r\n",
    b":-1\r\n",
    b"%0\r\n",
    // EVAL "return {1,{2,'x'},false}" 0
    b"*3\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n_\r\n",
    // LPUSH to a string
    b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
    // SET with maxmemory 1
    b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    // LOLWUT VERSION 1
    b"=22\r\ntxt:Redis ver. 7.0.15\n\r\n",
];
