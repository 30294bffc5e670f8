//! Heads of requests that were sent before: the next one differs in nothing but its length.
//!
//! To check and write a head costs as much as to write the body. What decides how it looks is the
//! provider, the key, the model and whether a stream is wanted; one is kept for each key of a provider,
//! streamed and not, with the model that was asked for last. What a client adds of its own is never
//! kept.

use std::sync::Arc;

/// See the module. At most two for each key of a provider.
#[derive(Default)]
pub(in crate::engine) struct Heads(Vec<Kept>);

/// For whom a head was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whose {
    /// Place of the provider in the configuration.
    pub(super) provider: u16,
    /// Which of its keys.
    pub(super) key: Option<u8>,
    /// Whether the answer is to be a stream.
    pub(super) stream: bool,
}

struct Kept {
    whose: Whose,
    model: Arc<str>,
    /// All but the length and the empty line. The key of the provider is in it.
    bytes: Vec<u8>,
}

impl Heads {
    /// The head that was kept.
    pub(super) fn get(&self, whose: Whose, model: &str) -> Option<&[u8]> {
        let kept = self.0.iter().find(|kept| kept.whose == whose)?;
        (&*kept.model == model).then_some(&kept.bytes)
    }

    /// Keeps a head, in the place of the one before.
    pub(super) fn keep(&mut self, whose: Whose, model: &Arc<str>, bytes: &[u8]) {
        let fresh = Kept {
            whose,
            model: Arc::clone(model),
            bytes: bytes.to_vec(),
        };
        let before = self.0.iter_mut().find(|kept| kept.whose == whose);
        match before {
            Some(kept) => *kept = fresh,
            None => self.0.push(fresh),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_for_just_what_it_was_written_for() {
        let whose = |provider, key, stream| Whose {
            provider,
            key,
            stream,
        };
        let mut heads = Heads::default();
        let (model, main) = ("m".into(), whose(1, Some(0), false));
        heads.keep(main, &model, b"POST /a");
        assert_eq!(heads.get(main, "m"), Some(&b"POST /a"[..]));
        for other in [
            whose(0, Some(0), false),
            whose(1, Some(1), false),
            whose(1, None, false),
            whose(1, Some(0), true),
        ] {
            assert_eq!(heads.get(other, "m"), None, "{other:?}");
        }
        assert_eq!(heads.get(main, "n"), None);
        heads.keep(main, &"n".into(), b"POST /b");
        assert_eq!(heads.get(main, "m"), None, "the last one is kept");
        assert_eq!(heads.0.len(), 1);
    }
}
