//! The sentences that offline articles are made of.
//!
//! Each has to be true of anything that a person might ask about, and grammatical for one thing
//! and for many ("coffee", "black holes"), so the topic stands after a preposition and is never
//! the subject of a verb. Any sentence of a section may be left out, so none leans on the one
//! before it. `{topic}` is the topic in full, `{it}` may be "this subject", any other
//! slot is a word from the list of that name.

/// One paragraph: `take` sentences out of `pool`, in the order of the pool.
pub(super) struct Section {
    pub(super) take: u8,
    pub(super) pool: &'static [&'static str],
}

/// The article, paragraph by paragraph.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        take: 1,
        pool: NOTICE,
    },
    Section {
        take: 3,
        pool: OPENING,
    },
    Section {
        take: 4,
        pool: BACKGROUND,
    },
    Section {
        take: 4,
        pool: PARTS,
    },
    Section {
        take: 4,
        pool: PEOPLE,
    },
    Section {
        take: 4,
        pool: DIFFICULTIES,
    },
    Section {
        take: 4,
        pool: LEARNING,
    },
    Section {
        take: 3,
        pool: CLOSING,
    },
];

/// As many sentences as are taken can be had, and their numbers fit a byte.
const _: () = {
    let mut at = 0;
    while at < SECTIONS.len() {
        let pool = SECTIONS[at].pool.len();
        assert!(SECTIONS[at].take > 0 && SECTIONS[at].take as usize <= pool && pool < 256);
        at += 1;
    }
};

/// The lists of words, by the name of their slot.
pub(super) const WORDS: &[(&str, &[&str])] = &[
    (
        "who",
        &[
            "teachers",
            "engineers",
            "writers",
            "researchers",
            "students",
            "historians",
            "managers",
            "neighbours",
        ],
    ),
    (
        "where",
        &[
            "in classrooms",
            "at work",
            "in libraries",
            "around kitchen tables",
            "in small clubs",
            "on long train journeys",
        ],
    ),
    (
        "like",
        &[
            "a map",
            "a recipe",
            "a sketch",
            "a floor plan",
            "a timetable",
        ],
    ),
    (
        "how",
        &[
            "slowly",
            "patiently",
            "with care",
            "step by step",
            "out loud",
            "with a pencil in hand",
        ],
    ),
    (
        "when",
        &[
            "In the morning",
            "After a long day",
            "On a quiet weekend",
            "At the start of a project",
            "Years later",
        ],
    ),
];

/// What this text is. It comes first, so that no cut can remove it.
const NOTICE: &[&str] = &[
    "This article about {topic} was written offline by maitred's built-in provider, without a language model.",
];

const OPENING: &[&str] = &[
    "Few questions open as many doors as an honest question about {it}.",
    "Most people meet {it} by accident, and only later notice how much there is to know.",
    "It is easy to have an opinion about {it}, and much harder to say where that opinion comes from.",
    "There is more than one good way to think about {it}, and this article walks along several of them.",
    "A short text cannot say everything about {it}, but it can show where to look and what to ask.",
    "Talk about {it} often begins with a single example, and the example is usually too simple.",
    "Somebody who hears about {it} for the first time tends to ask two things: what is it for, and who cares?",
    "The closer one looks at {it}, the less obvious the familiar answers become.",
];

const BACKGROUND: &[&str] = &[
    "Every subject has a past, and the past of {it} is still visible in the words that people use today.",
    "Early accounts tend to be practical: somebody had a problem, tried something, and wrote down what happened.",
    "Sooner or later {who} begin to compare notes, and that is when the first general ideas appear.",
    "Not every idea about {it} survived, but even the wrong ones left useful questions behind.",
    "What seems natural about {it} now was once a choice, and other choices were possible.",
    "Old letters, notebooks and reports show how slowly agreement was reached about {it}.",
    "Some of the best descriptions were written by outsiders, who had no reason to leave out the obvious parts.",
    "The story of {it} is not a straight line; it turns back, forgets, and discovers the same thing twice.",
];

const PARTS: &[&str] = &[
    "To understand {it}, it helps to take the whole apart and to look at the pieces one at a time.",
    "The part that everybody sees is rarely the most important one.",
    "There are rules, some written down and some only known to those who have practised for years.",
    "There are always limits: time, money, attention, and the plain fact that not everything fits together.",
    "A good explanation of {it} works like {like}: it leaves things out so that the rest can be used.",
    "Where two explanations of {it} disagree, the disagreement is often the most interesting place to look.",
    "Small changes in one corner can have large effects in another, which is why {who} prefer to change one thing at a time.",
    "It pays to ask what is not part of {it}, because a clear border makes a clear idea.",
];

const PEOPLE: &[&str] = &[
    "No subject matters without people, and people bring very different hopes to {it}.",
    "For {who}, the value lies in the details, and a careless summary feels like a small insult.",
    "For many the attraction is social: it gives them something to share {where}.",
    "{when}, the same facts can look different, because the reader has changed and not the facts.",
    "Some come to {it} out of need, others out of curiosity, and the two groups have much to teach each other.",
    "A beginner sees things that an expert has stopped seeing, and the other way round.",
    "It is worth listening to people who have given up on {it}, since they can say exactly where it became too hard.",
    "Conversations {where} have settled more questions than most formal debates.",
];

const DIFFICULTIES: &[&str] = &[
    "There are real difficulties, and it would be dishonest to leave them out.",
    "One source of confusion is language: the same word can mean one thing to {who} and another to everybody else.",
    "Measurement is hard as well, because what is easy to count is not always what matters about {it}.",
    "Costs and benefits are seldom shared equally, so a fair judgement has to ask who pays and who gains.",
    "Confident claims about {it} travel faster than careful ones, and corrections travel slowest of all.",
    "It is tempting to copy a solution from somewhere else without copying the conditions that made it work.",
    "Where evidence is thin, the right answer is to say so and to keep the question open.",
    "Most mistakes here are ordinary ones: too much haste, too little checking, and nobody who was asked to disagree.",
];

const LEARNING: &[&str] = &[
    "Anyone who wants to learn about {it} can begin today, with a notebook and half an hour.",
    "It helps to write down first what one already believes, so that surprises can be noticed later.",
    "One careful source about {it}, read {how}, is worth more than ten that were skimmed.",
    "Explaining {it} to a friend is a harsh and useful test, because gaps in the story show at once.",
    "Practice matters as much as reading; a small attempt that fails teaches more than a large plan.",
    "Asking {who} for their favourite mistake is a better start than asking for their best advice.",
    "Progress is uneven, and a week without any is not a reason to stop.",
    "Old notes are worth keeping, and worth reading again after a month.",
];

const CLOSING: &[&str] = &[
    "In the end, whatever is said about {it} was either thought through or said in a hurry, and the difference shows.",
    "What remains is a habit more than a conclusion: look closely, compare, and stay ready to change your mind.",
    "The next good question about {topic} may well come from somebody who is reading about it for the first time.",
    "No article replaces experience, but a good one can make the first experience less confusing.",
    "If one thought is worth keeping, it is that simple questions deserve careful answers.",
    "There is room for more voices in this conversation, and the next one could be yours.",
];
