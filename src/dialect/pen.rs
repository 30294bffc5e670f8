//! Writes JSON into a buffer, straight from where the values are.
//!
//! ```text
//!   Pen::object(out, |json| {              {
//!       json.key("model").text("m");          "model":"m",
//!       json.key("stop").list(|json| {        "stop":[
//!           json.text("a");                      "a"
//!       });                                   ]
//!   });                                    }
//! ```
//!
//! Brackets are balanced because closures are. Whether a comma is due shows in the last byte
//! written: after an opening bracket or a colon there is none.
//!
//! Why not a derived `Serialize`: the shapes that providers want are not those of any value that
//! lies in memory (messages are merged, one part becomes a message of its own, names are looked
//! up), and a writer may find half-way that a thing cannot be said.

use super::quote::put_json_string;

/// One document that is being written.
pub(super) struct Pen<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Pen<'o> {
    /// Appends one object to `out`.
    pub(super) fn object<R>(out: &'o mut Vec<u8>, fill: impl FnOnce(&mut Self) -> R) -> R {
        out.push(b'{');
        let mut pen = Pen { out };
        let told = fill(&mut pen);
        pen.out.push(b'}');
        told
    }

    /// The name of the next value.
    pub(super) fn key(&mut self, name: &str) -> &mut Self {
        self.text(name);
        self.out.push(b':');
        self
    }

    pub(super) fn nested<R>(&mut self, fill: impl FnOnce(&mut Self) -> R) -> R {
        self.separate();
        self.out.push(b'{');
        let told = fill(self);
        self.out.push(b'}');
        told
    }

    pub(super) fn list<R>(&mut self, fill: impl FnOnce(&mut Self) -> R) -> R {
        self.separate();
        self.out.push(b'[');
        let told = fill(self);
        self.out.push(b']');
        told
    }

    /// A string.
    pub(super) fn text(&mut self, text: &str) {
        self.separate();
        put_json_string(self.out, text);
    }

    /// A value that is JSON already.
    pub(super) fn raw(&mut self, json: &str) {
        self.separate();
        self.out.extend_from_slice(json.as_bytes());
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.raw(if flag { "true" } else { "false" });
    }

    pub(super) fn null(&mut self) {
        self.raw("null");
    }

    pub(super) fn whole(&mut self, number: u64) {
        self.raw(itoa::Buffer::new().format(number));
    }

    /// A number that came out of JSON, and so is finite.
    pub(super) fn number(&mut self, number: f64) {
        self.separate();
        serde_json::to_writer(&mut *self.out, &number).expect("a Vec takes every byte");
    }

    /// The pair, if there is a value. As a number of 64 bits, 0.7 would be 0.699999988079071.
    pub(super) fn maybe_temperature(&mut self, value: Option<f32>) {
        if let Some(value) = value {
            self.key("temperature").separate();
            serde_json::to_writer(&mut *self.out, &value).expect("a Vec takes every byte");
        }
    }

    /// The pair, if there is a value.
    pub(super) fn maybe_number(&mut self, name: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.key(name).number(value);
        }
    }

    /// The pair, if there is a value.
    pub(super) fn maybe_whole(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.key(name).whole(value);
        }
    }

    /// The pair, if there is a value.
    pub(super) fn maybe_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(name).text(value);
        }
    }

    fn separate(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn commas_stand_between_values_and_nowhere_else() {
        let mut out = b"before ".to_vec();
        Pen::object(&mut out, |json| {
            json.key("{[:").text("{");
            json.key("list").list(|json| {
                json.list(|_| ());
                json.nested(|json| json.key("a").null());
                json.text(":");
                json.number(0.1);
            });
            json.maybe_whole("none", None);
            json.maybe_whole("one", Some(1));
        });
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"before {"{[:":"{","list":[[],{"a":null},":",0.1],"one":1}"#
        );
    }
}
