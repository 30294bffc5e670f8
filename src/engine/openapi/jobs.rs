//! The routes of jobs: their rows of the table and their schemas.

use serde_json::{Value, json};

use super::codes::Group;
use super::schemas::{closed, common, count, members, open, or_null, to, visible};
use super::table::{Answer, EVENTS, In, JSON, Operation, PLAIN, Parameter, ok, query};
use crate::config::Config;
use crate::engine::jobs::report::Per;
use crate::limits::CONTENT_CHARS;
use crate::limits::jobs::{JOB_ITEMS, REPORT_TOP, REPORT_TOP_MAX};
use crate::store::{DeliveryState, ItemState, JobKind, JobState};

const JOB_ID: Parameter = Parameter {
    name: "id",
    place: In::Path,
    text: "The job's id.",
    schema: "Id",
};

const MADE: Answer = Answer {
    status: 202,
    text: "The job is stored, and will be done; `Location` says where it can be seen.",
    content: &[(JSON, "Job")],
};

const KNOWN: Answer = Answer {
    status: 204,
    text: "The job is over, and `Last-Event-ID` says that the client knows.",
    content: &[],
};

/// A row without path, summary, body and answers.
const JOB: Operation = Operation {
    tag: "jobs",
    problems: &[Group::Query, Group::One, Group::Store],
    ..PLAIN
};

/// The rows.
pub(super) const OPERATIONS: [Operation; 5] = [
    Operation {
        id: "makeJob",
        method: "post",
        path: "/jobs",
        summary: "Texts to be generated, scored or counted later, with nobody waiting",
        body: Some((JSON, "JobRequest")),
        answers: &[MADE],
        gives: &[("job", "/id"), ("cancelJob", "/id")],
        problems: &[
            Group::Body,
            Group::Json,
            Group::Limited,
            Group::Text,
            Group::Store,
        ],
        ..JOB
    },
    Operation {
        id: "jobs",
        path: "/jobs",
        summary: "Jobs, the newest first",
        parameters: &[
            query("limit", "Limit", "Jobs on the page; 20 if it is left out."),
            query("cursor", "Cursor", "The `next` of the page before."),
        ],
        answers: &[ok(&[(JSON, "Jobs")], "A page of jobs.")],
        problems: &[Group::Query, Group::Store],
        ..JOB
    },
    Operation {
        id: "job",
        path: "/jobs/{id}",
        summary: "A job: how far it is, and what came of its items",
        parameters: &[
            JOB_ID,
            query("limit", "Limit", "Items on the page; 20 if it is left out."),
            query("cursor", "ItemPlace", "The `next` of the page before."),
        ],
        answers: &[ok(
            &[(JSON, "JobPage")],
            "The job with a page of its items.",
        )],
        ..JOB
    },
    Operation {
        id: "jobEvents",
        path: "/jobs/{id}/events",
        summary: "What happens to a job, as it happens",
        parameters: &[
            JOB_ID,
            Parameter {
                name: "Last-Event-ID",
                place: In::Header,
                text: "The `id` of the last event that the client has; `0` for all of them.",
                schema: "JobMark",
            },
        ],
        answers: &[
            ok(&[(EVENTS, "JobEvent")], "Events, until the job is over."),
            KNOWN,
        ],
        problems: &[Group::Query, Group::One, Group::Store, Group::Watch],
        ..JOB
    },
    Operation {
        id: "cancelJob",
        method: "delete",
        path: "/jobs/{id}",
        summary: "Gives up what of a job has not ended",
        parameters: &[JOB_ID],
        answers: &[ok(
            &[(JSON, "JobStopped")],
            "Where the job is now: it may have been over before.",
        )],
        problems: &[Group::One, Group::Store],
        ..JOB
    },
];

/// Their schemas.
pub(super) fn schemas(config: &Config) -> Value {
    let job = members(json!({
        "id": to("Id"),
        "kind": to("JobKind"),
        "state": to("JobState"),
        "items": count(),
        "done": count(),
        "failed": count(),
        "created_at": time(),
        "started_at": or_null("Time"),
        "finished_at": or_null("Time"),
    }));
    let mut page = job.clone();
    page.extend(members(json!({
        "webhook": or_null("JobWebhook"),
        "results": {"type": "array", "items": to("JobItem")},
        "next": {"type": ["integer", "null"], "minimum": 0},
    })));
    json!({
        "Time": time(),
        "JobKind": {"enum": JobKind::ALL},
        "JobState": {"enum": [
            JobState::Queued, JobState::Running, JobState::Done, JobState::Cancelled,
        ]},
        "JobRequest": {"anyOf": [to("TextsJob"), to("ScoresJob"), to("ReportJob")]},
        "TextsJob": texts_job(config),
        "ScoresJob": closed(
            members(json!({
                "kind": {"const": JobKind::Analyze}, "contents": list(&visible(CONTENT_CHARS)),
                "webhook": webhook(config),
            })),
            &["kind", "contents"],
        ),
        "ReportJob": report_job(config),
        "Job": open(job),
        "Jobs": open(members(json!({
            "jobs": {"type": "array", "items": to("Job")}, "next": or_null("Id"),
        }))),
        "JobPage": open(page),
        "JobWebhook": open(members(json!({
            "name": {"type": "string"},
            "id": to("Id"),
            "state": {"enum": DeliveryState::ALL},
            "attempts": count(),
            "last_error": {"type": ["string", "null"]},
            "next_at": or_null("Time"),
        }))),
        "JobItem": open(members(json!({
            "index": count(),
            "state": {"enum": [
                ItemState::Waiting, ItemState::Running, ItemState::Done, ItemState::Failed,
                ItemState::Cancelled,
            ]},
            "input": {"type": "string", "description": "Its first 500 characters."},
            "id": or_null("Id"),
            "attempts": count(),
            "error": {"type": ["string", "null"]},
            "result": {"type": ["object", "null"], "description": "See docs/api.md."},
        }))),
        "JobMark": {"type": "string", "pattern": "^(1000|[0-9]{1,3})(\\.[0-9a-f]{1,250})?!?$"},
        "JobEvent": event(),
        "JobStopped": open(members(json!({"id": to("Id"), "state": to("JobState")}))),
    })
}

fn event() -> Value {
    open(members(json!({
        "event": {"enum": ["job", "item", "done", "error"]},
        "data": {"type": "string", "description": "JSON: see docs/api.md."},
    })))
}

fn texts_job(config: &Config) -> Value {
    let mut fields = common(config);
    fields.extend(members(json!({
        "kind": {"const": JobKind::Generate}, "topics": list(&to("Topic")),
        "webhook": webhook(config),
    })));
    closed(fields, &["kind", "topics"])
}

/// The name of a configured webhook, or nothing.
fn webhook(config: &Config) -> Value {
    let names = config.webhooks.iter().map(|hook| Value::from(&*hook.name));
    let names: Vec<Value> = names.chain([Value::Null]).collect();
    json!({"enum": names, "description": "Who is told when the job has ended."})
}

fn report_job(config: &Config) -> Value {
    let top = json!({
        "type": ["integer", "null"], "minimum": 1, "maximum": REPORT_TOP_MAX, "default": REPORT_TOP,
    });
    let words = Per::ALL.into_iter().map(Some).chain([None]);
    let fields = members(json!({
        "kind": {"const": JobKind::Report},
        "topic": or_null("Topic"),
        "from": or_null("Time"),
        "to": or_null("Time"),
        "per": {"enum": words.collect::<Vec<_>>(), "default": Per::default()},
        "top": top,
        "webhook": webhook(config),
    }));
    closed(fields, &["kind"])
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items, "minItems": 1, "maxItems": JOB_ITEMS})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}
