//! Vectors: small ones, the same for the same text, whoever's API it came by.

use serde_json::{Value, json};

use super::{End, Script, USAGE, document};

/// Numbers of a vector, unless another number is asked for …
const DIMENSIONS: usize = 4;
/// … and at most.
const MOST: usize = 4096;

/// The answer to OpenAI's request.
pub(in crate::simulator) fn openai(model: &str, body: &Value) -> Script {
    let inputs = match &body["input"] {
        Value::Array(inputs) if !inputs.iter().all(Value::is_number) => inputs.clone(),
        input => vec![input.clone()],
    };
    let packed = body["encoding_format"] == "base64";
    let each = inputs.iter().enumerate().map(|(index, input)| {
        let vector = vector(input, &body["dimensions"]);
        let embedding = if packed {
            json!(base64(&vector))
        } else {
            json!(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let body = json!({
        "object": "list", "data": each.collect::<Vec<_>>(), "model": model,
        "usage": {"prompt_tokens": USAGE, "total_tokens": USAGE},
    });
    document(200, &body.to_string()).end(End::Keep(None))
}

/// The answer to one of Gemini's two.
pub(in crate::simulator) fn gemini(body: &Value, batch: bool) -> Script {
    let of = |request: &Value| {
        let parts = request["content"]["parts"].as_array();
        let texts = parts.into_iter().flatten();
        let text: String = texts.filter_map(|part| part["text"].as_str()).collect();
        json!({"values": vector(&json!(text), &request["outputDimensionality"])})
    };
    let requests = body["requests"].as_array().into_iter().flatten();
    let body = if batch {
        json!({"embeddings": requests.map(of).collect::<Vec<_>>()})
    } else {
        json!({"embedding": of(body)})
    };
    document(200, &body.to_string()).end(End::Keep(None))
}

/// Eighths, which every format writes without rounding.
fn vector(input: &Value, dimensions: &Value) -> Vec<f32> {
    let text = input.to_string();
    let wanted = dimensions.as_u64().map_or(DIMENSIONS, |n| n as usize);
    let bytes = text.bytes().cycle();
    let numbers = bytes.zip(0_u8..=255).cycle();
    numbers
        .take(wanted.min(MOST))
        .map(|(byte, at)| f32::from(byte.wrapping_add(at)) / 8.0 - 16.0)
        .collect()
}

/// RFC 4648 §4, of 32-bit floats, least significant byte first.
fn base64(vector: &[f32]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|n| n.to_le_bytes()).collect();
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit > three.len() {
                '='
            } else {
                char::from(DIGITS[index as usize])
            });
        }
    }
    text
}
