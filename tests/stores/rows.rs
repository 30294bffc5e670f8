//! Rows to put into a store, and questions to ask it.

use std::borrow::Cow;

use maitred::score::keywords::Keyword;
use maitred::score::{Readability, Scores, Sentiment};
use maitred::store::{
    AnalysisRow, Answer, CachedText, Calls, Inbound, KeptAnswer, KeyScope, KeywordMethod,
    KeywordsRow, Query, RequestOutcome, RequestRow, TextRow, TextState, ToldChat, Write, term_id,
};
use uuid::Uuid;

/// An id as we give them, whose time is `ms`.
pub(crate) fn id(ms: u128) -> Uuid {
    Uuid::from_u128(ms << 80 | 0x7 << 76 | 0b10 << 62 | ms)
}

/// The time of an id.
pub(crate) fn ms(id: Uuid) -> u128 {
    id.as_u128() >> 80
}

pub(crate) fn text(tenant: &str, number: u128, term: &str) -> TextRow {
    TextRow {
        id: id(number),
        tenant: tenant.to_owned(),
        search_term_id: term_id(tenant, term),
        term: term.to_owned(),
        text: format!("Text {number} about {term}."),
        provider: "offline".to_owned(),
        model: "article".to_owned(),
        offline: true,
        finish_reason: Some("stop".to_owned()),
        state: TextState::Complete,
        prompt_tokens: Some(0),
        completion_tokens: None,
        created_ms: 1_700_000_000_000,
        scores: None,
    }
}

/// The same with other words.
pub(crate) fn words(number: u128, term: &str, words: &str) -> TextRow {
    TextRow {
        text: words.to_owned(),
        ..text("local", number, term)
    }
}

pub(crate) fn request(number: u128) -> RequestRow {
    RequestRow {
        id: id(number),
        tenant: "local".to_owned(),
        route: "POST /generate".to_owned(),
        generation_id: Some(id(number)),
        outcome: RequestOutcome::Ok,
        status: 200,
        streamed: true,
        provider: Some("offline".to_owned()),
        model: None,
        prompt_tokens: Some(0),
        completion_tokens: None,
        error_code: None,
        started_ms: 1_700_000_000_000,
        duration_us: 1_500,
        inbound: Inbound::OpenAi,
        calls: Calls::default(),
    }
}

pub(crate) fn analysis(number: u128, term: &str) -> AnalysisRow {
    AnalysisRow {
        id: id(number),
        tenant: "local".to_owned(),
        search_term_id: term_id("local", term),
        term: term.to_owned(),
        content: "What a lovely day.".to_owned(),
        created_ms: 1_700_000_000_000,
        scores: scores(0.5),
    }
}

pub(crate) fn scores(compound: f64) -> Scores {
    Scores {
        readability: Readability {
            label: Cow::Borrowed("Easy"),
            flesch_reading_ease: 80.25,
            flesch_kincaid_grade: 4.5,
            gunning_fog: 5.0,
            smog_index: 6.0,
            automated_readability_index: 7.0,
            coleman_liau_index: 8.0,
            dale_chall_readability_score: 9.0,
            lix: 30.0,
            linsear_write_formula: 3.5,
            syllable_count: 40,
            sentence_count: 3,
            lexicon_count: 30,
        },
        sentiment: Sentiment {
            label: Cow::Borrowed("Positive"),
            compound,
            pos: 0.5,
            neu: 0.5,
            neg: 0.0,
        },
    }
}

pub(crate) fn save(text: TextRow) -> Write {
    Write::Save {
        requests: Vec::new(),
        text: Some(Box::new(text)),
        analysis: None,
    }
}

pub(crate) fn save_request(row: RequestRow) -> Write {
    Write::Save {
        requests: vec![row],
        text: None,
        analysis: None,
    }
}

pub(crate) fn save_analysis(row: AnalysisRow) -> Write {
    Write::Save {
        requests: Vec::new(),
        text: None,
        analysis: Some(Box::new(row)),
    }
}

/// Keywords of `a text`.
pub(crate) fn keywords(number: u128, words: &[&str]) -> Write {
    let keyword = |word: &&str| Keyword {
        keyword: (*word).to_owned(),
        score: 0.5,
    };
    Write::Keywords {
        requests: vec![request(number)],
        row: Box::new(KeywordsRow {
            id: id(number),
            tenant: "local".to_owned(),
            search_term_id: term_id("local", "a text"),
            term: "a text".to_owned(),
            method: KeywordMethod::Local,
            keywords: words.iter().map(keyword).collect(),
            created_ms: 7,
        }),
    }
}

/// Which key of `local` that is.
pub(crate) fn scope(key: &str) -> KeyScope {
    KeyScope {
        tenant: "local".to_owned(),
        route: "/generate/".to_owned(),
        key: key.to_owned(),
    }
}

/// These rows, and what was answered with the text of this number (0: with none) to the first request with
/// the key. Its owner has the number 1.
pub(crate) fn answered(rows: Write, key: &str, text: u128) -> Write {
    let kept = KeptAnswer {
        scope: scope(key),
        fingerprint: [1; 32],
        owner: id(1),
        until_ms: 4_000_000_000_000,
        text: (text > 0).then(|| id(text)),
        answer: Answer::good(false, format!("text {text}")),
    };
    let (rows, cached) = match rows {
        Write::Answered { rows, cached, .. } => (rows, cached),
        rows => (Box::new(rows), None),
    };
    Write::Answered {
        rows,
        answers: vec![kept],
        cached,
    }
}

/// An answer to the chat `prompt`, whose text has this number and is not stored.
pub(crate) fn told_chat(number: u128, prompt: u8, body: &str) -> Write {
    let told = ToldChat {
        provider: "openai".to_owned(),
        model: "m".to_owned(),
        body: body.to_owned(),
    };
    Write::Answered {
        rows: Box::new(Write::Save {
            requests: Vec::new(),
            text: None,
            analysis: None,
        }),
        answers: Vec::new(),
        cached: Some(CachedText {
            tenant: "local".to_owned(),
            prompt: [prompt; 32],
            text: id(number),
            created_ms: 1_700_000_000_000,
            chat: Some(Box::new(told)),
        }),
    }
}

pub(crate) fn delete(tenant: &str, number: u128) -> Write {
    Write::Delete {
        tenant: tenant.to_owned(),
        id: id(number),
    }
}

pub(crate) fn rescore(tenant: &str, number: u128, compound: f64) -> Write {
    Write::Rescore {
        tenant: tenant.to_owned(),
        id: id(number),
        scores: Box::new(scores(compound)),
    }
}

/// A list of `local`.
pub(crate) fn list(term: Option<&str>, limit: usize, before: Option<Uuid>) -> Query {
    Query::List {
        tenant: "local".to_owned(),
        term: term.map(str::to_owned),
        words: None,
        limit,
        before,
    }
}

/// A search in the texts of `local`.
pub(crate) fn search(typed: &str, limit: usize, before: Option<Uuid>) -> Query {
    Query::List {
        tenant: "local".to_owned(),
        term: None,
        words: Some(typed.to_owned()),
        limit,
        before,
    }
}
