//! Heads of requests that were sent before: the next one differs in nothing but its length.
//!
//! To check and write a head costs as much as to write the body. What decides how it looks is the
//! provider, the model and whether a stream is wanted; one is kept for each provider, streamed and
//! not, with the model that was asked for last. What a client adds of its own is never kept.

use std::sync::Arc;

/// See the module. At most two for each provider.
#[derive(Default)]
pub(in crate::engine) struct Heads(Vec<Kept>);

struct Kept {
    provider: u16,
    /// Which of its keys.
    key: Option<u8>,
    stream: bool,
    model: Arc<str>,
    /// All but the length and the empty line. The key of the provider is in it.
    bytes: Vec<u8>,
}

impl Heads {
    /// The head that was kept.
    pub(super) fn get(
        &self,
        (provider, key): (u16, Option<u8>),
        stream: bool,
        model: &str,
    ) -> Option<&[u8]> {
        let kept = self
            .0
            .iter()
            .find(|kept| kept.is_of(provider, key, stream))?;
        (&*kept.model == model).then_some(&kept.bytes)
    }

    /// Keeps a head, in the place of the one before.
    pub(super) fn keep(
        &mut self,
        (provider, key): (u16, Option<u8>),
        stream: bool,
        model: &Arc<str>,
        bytes: &[u8],
    ) {
        let fresh = Kept {
            provider,
            key,
            stream,
            model: Arc::clone(model),
            bytes: bytes.to_vec(),
        };
        let before = self
            .0
            .iter_mut()
            .find(|kept| kept.is_of(provider, key, stream));
        match before {
            Some(kept) => *kept = fresh,
            None => self.0.push(fresh),
        }
    }
}

impl Kept {
    fn is_of(&self, provider: u16, key: Option<u8>, stream: bool) -> bool {
        (self.provider, self.key, self.stream) == (provider, key, stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_for_just_what_it_was_written_for() {
        let mut heads = Heads::default();
        let model: Arc<str> = "m".into();
        heads.keep((1, None), false, &model, b"POST /a");
        assert_eq!(heads.get((1, None), false, "m"), Some(&b"POST /a"[..]));
        for (whose, stream, model) in [
            ((0, None), false, "m"),
            ((1, Some(0)), false, "m"),
            ((1, None), true, "m"),
            ((1, None), false, "n"),
        ] {
            assert_eq!(heads.get(whose, stream, model), None);
        }
        heads.keep((1, None), false, &"n".into(), b"POST /b");
        assert_eq!(
            heads.get((1, None), false, "m"),
            None,
            "the last one is kept"
        );
        assert_eq!(heads.0.len(), 1);
    }
}
