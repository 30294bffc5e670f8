//! Routes of models: who can be asked for what a client calls a model.
//!
//! A name that a client asks for has one *target* or several: a model at a provider. A call is at
//! one of them at a time; when it fails before any content, it may go on at another.

use std::sync::Arc;

/// One model at one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Place of the provider in the configuration.
    pub provider: u16,
    /// Its name.
    pub provider_name: Arc<str>,
    /// Whether it is the built-in one.
    pub offline: bool,
    /// The model's name there.
    pub model: Arc<str>,
}

/// The targets of a name. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRoute {
    targets: Box<[Target]>,
}

impl ModelRoute {
    /// The route of a name that only one target stands for.
    #[must_use]
    pub fn single(target: Target) -> Self {
        ModelRoute {
            targets: Box::new([target]),
        }
    }

    /// All targets.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The target that stands first.
    #[must_use]
    pub fn first(&self) -> &Target {
        &self.targets[0]
    }

    /// Target number `at`, as a call or a generation remembers it.
    #[must_use]
    pub fn target(&self, at: u8) -> &Target {
        self.targets.get(usize::from(at)).unwrap_or(self.first())
    }
}
