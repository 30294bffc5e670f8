//! The valence of a word among its neighbours.
//!
//! Up to three words back are looked at, because that is as far as a negation or a booster was
//! found to reach. The steps and their order are those of the reference.

use super::lexicon::{BOOST, Name, Word};

/// A negated word has the opposite feeling, but not all of it.
const NEGATION: f64 = -0.74;
/// What capitals add to the size of a valence.
const CAPITALS: f64 = 0.733;
/// "never so good" praises.
const NEVER_SO: f64 = 1.25;

/// Phrases whose feeling is not that of their words.
const IDIOMS: [(&[Name], f64); 8] = [
    (&[Name::The, Name::Shit], 3.0),
    (&[Name::The, Name::Bomb], 3.0),
    (&[Name::Bad, Name::Ass], 1.5),
    (&[Name::Bus, Name::Stop], 0.0),
    (&[Name::Yeah, Name::Right], -2.0),
    (&[Name::Kiss, Name::Of, Name::Death], -1.5),
    (&[Name::To, Name::Die, Name::For], 3.0),
    (&[Name::Beating, Name::Heart], 3.5),
];

/// The valence of word `at`; zero for a neutral word.
pub(super) fn valence(words: &[Word], at: usize, capitals_matter: bool) -> f64 {
    let word = words[at];
    let Some(own) = word.valence() else {
        return 0.0;
    };
    let next = words.get(at + 1);
    let kind_of = word.name == Name::Kind && next.is_some_and(|next| next.name == Name::Of);
    if word.boost() != 0.0 || kind_of {
        return 0.0;
    }
    let mut valence = own;
    if word.name == Name::No && next.is_some_and(|next| next.is_in_lexicon()) {
        valence = 0.0; // It negates the next word instead.
    }
    if follows_no(words, at) {
        valence = own * NEGATION;
    }
    if word.capitals && capitals_matter {
        valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
    }
    for distance in 1..=3.min(at) {
        let before = words[at - distance];
        if before.is_in_lexicon() {
            continue;
        }
        valence += boost(before, distance, valence, capitals_matter);
        valence = negated(words, at, distance, valence);
        if distance == 3 {
            valence = idiom(words, at, valence);
        }
    }
    after_least(words, at, valence)
}

fn name(words: &[Word], at: usize, back: usize) -> Name {
    at.checked_sub(back)
        .map_or(Name::Other, |at| words[at].name)
}

fn is_so_or_this(name: Name) -> bool {
    matches!(name, Name::So | Name::This)
}

/// "no good", "no really good", "no fun or good".
fn follows_no(words: &[Word], at: usize) -> bool {
    let [one, two, three] = [1, 2, 3].map(|back| name(words, at, back));
    one == Name::No || two == Name::No || (three == Name::No && matches!(one, Name::Or | Name::Nor))
}

/// What a booster adds to a valence; less from farther away.
fn boost(booster: Word, distance: usize, valence: f64, capitals_matter: bool) -> f64 {
    let mut boost = booster.boost();
    if boost == 0.0 {
        return 0.0;
    }
    if valence < 0.0 {
        boost = -boost;
    }
    if booster.capitals && capitals_matter {
        boost += if valence > 0.0 { CAPITALS } else { -CAPITALS };
    }
    match distance {
        1 => boost,
        2 => boost * 0.95,
        _ => boost * 0.9,
    }
}

/// The valence after a look for a negation `distance` words back.
fn negated(words: &[Word], at: usize, distance: usize, valence: f64) -> f64 {
    let [one, two, three] = [1, 2, 3].map(|back| name(words, at, back));
    let never_so = match distance {
        2 => two == Name::Never && is_so_or_this(one),
        // The reference asks "(never and so) or so": the nearer word is enough.
        3 => (three == Name::Never && is_so_or_this(two)) || is_so_or_this(one),
        _ => false,
    };
    let without_doubt = match distance {
        2 => two == Name::Without && one == Name::Doubt,
        3 => three == Name::Without && (two == Name::Doubt || one == Name::Doubt),
        _ => false,
    };
    if never_so {
        valence * NEVER_SO
    } else if !without_doubt && words[at - distance].negates() {
        valence * NEGATION
    } else {
        valence
    }
}

/// The valence if the word is part of an idiom, with three words before it.
fn idiom(words: &[Word], at: usize, mut valence: f64) -> f64 {
    // First the phrases that end at the word or before it, the first one found wins …
    let ending = [
        at - 1..at + 1,
        at - 2..at + 1,
        at - 2..at,
        at - 3..at,
        at - 3..at - 1,
    ];
    if let Some(found) = ending.into_iter().find_map(|range| idiom_of(&words[range])) {
        valence = found;
    }
    // … then those that begin with it, the longest wins.
    for range in [at..at + 2, at..at + 3] {
        valence = words.get(range).and_then(idiom_of).unwrap_or(valence);
    }
    for pair in [&words[at - 3..at - 1], &words[at - 2..at]] {
        if matches!(
            [pair[0].name, pair[1].name],
            [Name::Just, Name::Enough] | [Name::Kind | Name::Sort, Name::Of]
        ) {
            valence -= BOOST;
        }
    }
    valence
}

fn idiom_of(phrase: &[Word]) -> Option<f64> {
    let is = |names: &[Name]| {
        phrase
            .iter()
            .map(|word| word.name)
            .eq(names.iter().copied())
    };
    IDIOMS
        .iter()
        .find(|(names, _)| is(names))
        .map(|(_, valence)| *valence)
}

/// "least good" is not good, but "at least good" is.
fn after_least(words: &[Word], at: usize, valence: f64) -> f64 {
    let [one, two] = [1, 2].map(|back| name(words, at, back));
    if one != Name::Least || words[at - 1].is_in_lexicon() || matches!(two, Name::At | Name::Very) {
        return valence;
    }
    valence * NEGATION
}
