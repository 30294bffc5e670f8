//! Reports: both engines hand out the same texts in the same order, and so the same report comes of them.

use maitred::engine::jobs::report::{Per, Report, ReportAsk, ReportDocument};
use maitred::limits::jobs::REPORT_ROWS;
use maitred::score::Scores;
use maitred::store::{Found, Query, TextRow, Write};
use uuid::Uuid;

use crate::rows::{id, scores, text};
use crate::support::postgres::Postgres;
use crate::{File, Server, Store};

/// Several pages, and more topics than are counted at a time.
const TEXTS: u128 = 5 * REPORT_ROWS as u128 + 17;

fn any_scores(random: &mut fastrand::Rng) -> Scores {
    let mut scores = scores(random.f64() * 2.0 - 1.0);
    scores.readability.flesch_reading_ease = random.f64() * 220.0 - 60.0;
    scores.readability.gunning_fog = random.f64() * 30.0;
    scores
}

/// Texts of two tenants, with scores and without, in two years.
fn texts(random: &mut fastrand::Rng) -> Vec<TextRow> {
    let one = |number| {
        let topic = match random.u8(0..4) {
            0 => "tea".to_owned(),
            1 => " Tea".to_owned(),
            _ => format!("topic {}", random.u16(0..400)),
        };
        let tenant = if number % 10 == 0 { "other" } else { "local" };
        TextRow {
            created_ms: 1_700_000_000_000 + random.i64(0..63_072_000_000),
            scores: (random.u8(0..8) > 0).then(|| any_scores(random)),
            ..text(tenant, number, &topic)
        }
    };
    (1..=TEXTS).map(one).collect()
}

/// All pages of a report, and how many there were.
fn report(store: &mut dyn Store, ask: &ReportAsk, until: Uuid) -> (Report, usize) {
    let (mut report, mut pages) = (Report::default(), 0);
    loop {
        let query = Query::Survey {
            tenant: "local".into(),
            term: ask.topic.clone(),
            after: report.after(),
            until,
        };
        let Found::Page { rows, next, .. } = store.ask(&query).unwrap() else {
            panic!("a survey was answered with something else");
        };
        assert!(rows.len() <= REPORT_ROWS && rows.iter().all(|row| row.excerpt.is_empty()));
        rows.iter().for_each(|row| report.add(row, ask));
        pages += 1;
        if next.is_none() {
            return (report, pages);
        }
        assert_eq!(next, report.after());
    }
}

fn asks() -> [ReportAsk; 4] {
    let all = ReportAsk::default();
    [
        all.clone(),
        ReportAsk {
            topic: Some("TEA".into()),
            per: Per::Hour,
            ..all.clone()
        },
        ReportAsk {
            from_ms: Some(1_710_000_000_000),
            to_ms: Some(1_740_000_000_000),
            top: 3,
            ..all.clone()
        },
        ReportAsk {
            topic: Some("nobody's".into()),
            ..all
        },
    ]
}

fn filled(store: &mut dyn Store, texts: &[TextRow]) {
    for some in texts.chunks(100) {
        store.put(Write::Import(some.to_vec()));
    }
}

#[test]
fn a_report_reads_every_text_of_its_tenant_once() {
    let texts = texts(&mut fastrand::Rng::with_seed(9));
    let mut file = File::new();
    filled(&mut file, &texts);
    let [all, tea, times, nothing] = asks();
    let count = |is: &dyn Fn(&TextRow) -> bool| {
        let ours = texts.iter().filter(|row| row.tenant == "local");
        ours.filter(|row| is(row)).count()
    };
    let said = |report: &Report, ask: &ReportAsk| {
        serde_json::to_value(ReportDocument::new(report, ask)).unwrap()
    };
    let (report_of_all, pages) = report(&mut file, &all, Uuid::max());
    assert_eq!(said(&report_of_all, &all)["texts"], count(&|_| true));
    assert_eq!(pages, count(&|_| true).div_ceil(REPORT_ROWS));
    let (half, _) = report(&mut file, &all, id(TEXTS / 2));
    assert_eq!(
        said(&half, &all)["texts"],
        count(&|row| row.id < id(TEXTS / 2))
    );
    let (of_tea, _) = report(&mut file, &tea, Uuid::max());
    let of_tea = said(&of_tea, &tea);
    assert_eq!(
        of_tea["texts"],
        count(&|row| row.term.trim().to_lowercase() == "tea")
    );
    let (of_times, _) = report(&mut file, &times, Uuid::max());
    let covered = 1_710_000_000_000..1_740_000_000_000;
    let of_times = said(&of_times, &times);
    assert_eq!(
        of_times["texts"],
        count(&|row| covered.contains(&row.created_ms))
    );
    assert_eq!(
        report(&mut file, &nothing, Uuid::max()).0,
        Report::default()
    );
}

#[test]
#[ignore = "needs postgresql"]
fn both_engines_give_the_same_report() {
    let texts = texts(&mut fastrand::Rng::with_seed(9));
    let postgres = Postgres::start();
    let (mut file, mut server) = (File::new(), Server::new(&postgres, "reports"));
    filled(&mut file, &texts);
    filled(&mut server, &texts);
    for ask in asks() {
        let of_file = report(&mut file, &ask, Uuid::max());
        assert_eq!(of_file, report(&mut server, &ask, Uuid::max()));
        // The same to the last digit.
        let (report, _) = of_file;
        assert_eq!(Report::of_json(&report.to_json()), Some(report));
    }
}
