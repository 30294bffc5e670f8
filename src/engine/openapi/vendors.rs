//! The routes of the vendors' APIs. What is in their bodies is in the vendors' own documents.

use super::table::{CHATS, In, JSON, KEY, Operation, PLAIN, Parameter, ok, query};

const MODEL: Parameter = Parameter {
    name: "model",
    place: In::Path,
    text: "The model's name; a slash in it may stand as it is.",
    schema: "ModelName",
};

/// Those that are no chats.
pub(super) const VENDORS: &[Operation] = &[
    Operation {
        id: "embeddings",
        method: "post",
        path: "/v1/embeddings",
        tag: CHATS,
        summary: "Vectors for texts, as OpenAI's clients ask for them",
        parameters: &[KEY],
        body: Some((JSON, "EmbeddingsRequest")),
        answers: &[ok(&[(JSON, "EmbeddingsAnswer")], "A vector for each text.")],
        errors: "ChatError",
        ..PLAIN
    },
    Operation {
        id: "models",
        path: "/v1/models",
        tag: CHATS,
        summary: "Models that may be asked for, for clients of OpenAI's and Anthropic's APIs",
        parameters: &[
            query("limit", "ModelsLimit", "Anthropic's: models on the page."),
            query(
                "after_id",
                "ModelName",
                "Anthropic's: the model before the page.",
            ),
            query(
                "before_id",
                "ModelName",
                "Anthropic's: the model after the page.",
            ),
        ],
        answers: &[ok(&[(JSON, "ModelAnswer")], "The models.")],
        errors: "ChatError",
        ..PLAIN
    },
    Operation {
        id: "model",
        path: "/v1/models/{model}",
        tag: CHATS,
        summary: "One of them",
        parameters: &[MODEL],
        answers: &[ok(&[(JSON, "ModelAnswer")], "The model.")],
        errors: "ChatError",
        ..PLAIN
    },
    Operation {
        id: "betaModels",
        path: "/v1beta/models",
        tag: CHATS,
        summary: "Models that may be asked for, for clients of Gemini's API",
        parameters: &[
            query("pageSize", "ModelsLimit", "Models on the page."),
            query(
                "pageToken",
                "ModelName",
                "The `nextPageToken` of the page before.",
            ),
        ],
        answers: &[ok(&[(JSON, "ModelAnswer")], "The models.")],
        errors: "ChatError",
        ..PLAIN
    },
    Operation {
        id: "betaModel",
        path: "/v1beta/models/{model}",
        tag: CHATS,
        summary: "One of them",
        parameters: &[MODEL],
        answers: &[ok(&[(JSON, "ModelAnswer")], "The model.")],
        errors: "ChatError",
        ..PLAIN
    },
];
