#!/usr/bin/env python3
"""Shows our keywords beside those of RAKE and YAKE, for texts of your choosing.

    python3 -m venv venv
    venv/bin/pip install rake-nltk==1.0.6 yake==0.7.3
    cargo build --release
    venv/bin/python tests/keywords_compare.py FILE...

There is no right answer to compare with; a person has to look. Three figures help, summed over all
texts: *said again* are keywords all of whose words are in better ones; *once* are phrases that the
text has only once; *prose* are phrases with a stop word or a mark in them.
"""

import argparse
import json
import pathlib
import re
import string
import subprocess

import yake
from rake_nltk import Rake

MARKS = set(string.punctuation) | set("“”‘’—–•…")
ROOT = pathlib.Path(__file__).parent.parent


def stop_words():
    """Ours, for RAKE too: the lists are not what is compared."""
    text = (ROOT / "src/score/data/stop_words.txt").read_text(encoding="utf-8")
    text = text[text.index("[stop]") : text.index("[weak]")]
    lines = [line for line in text.splitlines() if line and line[0] not in "#["]
    return set(" ".join(lines).split()) | {"of"}


STOP = stop_words()


def by_maitred(path, text, count, program):
    command = [program, "keywords", "--json", "--limit", str(count), path]
    line = subprocess.run(command, capture_output=True, check=True).stdout
    return [found["keyword"] for found in json.loads(line)["keywords"]]


def by_rake(text, count):
    rake = Rake(
        stopwords=STOP,
        punctuations=MARKS,
        max_length=3,
        include_repeated_phrases=False,
        sentence_tokenizer=lambda text: re.split(r"(?<=[.!?])\s+|\n\s*\n", text),
        word_tokenizer=lambda sentence: re.findall(r"[\w'’/-]+|[^\w\s]", sentence),
    )
    rake.extract_keywords_from_text(text)
    return rake.get_ranked_phrases()[:count]


def by_yake(text, count):
    return [keyword for keyword, _ in yake.KeywordExtractor(lan="en", n=3, top=count).extract_keywords(text)]


def words(keyword):
    return {word.rstrip("s") for word in re.findall(r"[\w'-]+", keyword.lower())}


def figures(keywords, text):
    again, seen = 0, set()
    for keyword in keywords:
        again += words(keyword) <= seen
        seen |= words(keyword)
    flat = " ".join(text.lower().split())
    phrases = [keyword for keyword in keywords if " " in keyword]
    once = sum(flat.count(keyword.lower()) < 2 for keyword in phrases)
    prose = sum(bool(STOP & set(k.lower().split()) or MARKS & set(k) - set("-/'’.&#+_")) for k in phrases)
    return again, once, prose


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--limit", type=int, default=10)
    parser.add_argument("--program", default=ROOT / "target/release/maitred")
    options = parser.parse_args()
    sums = {}
    for path in options.files:
        text = pathlib.Path(path).read_text(encoding="utf-8")
        lists = {
            "maitred": by_maitred(path, text, options.limit, options.program),
            "RAKE": by_rake(text, options.limit),
            "YAKE": by_yake(text, options.limit),
        }
        print(f"\n== {path}, {len(text):,} characters")
        print("".join(f"{name:36}" for name in lists))
        for row in range(options.limit):
            cells = [(found[row] if row < len(found) else "")[:34] for found in lists.values()]
            print("".join(f"{cell:36}" for cell in cells).rstrip())
        for name, found in lists.items():
            counted = (len(found), *figures(found, text))
            sums[name] = [sum(pair) for pair in zip(sums.get(name, [0] * 4), counted)]
    print(f"\n{'':12}keywords  said again  once  prose")
    for name, (count, again, once, prose) in sums.items():
        print(f"{name:12}{count:8}{again:12}{once:6}{prose:7}")


if __name__ == "__main__":
    main()
