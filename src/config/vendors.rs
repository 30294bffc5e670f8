//! The vendors that need no table: a variable with a key is enough.
//!
//! The variables are those that each vendor's own libraries read, so that what is set for them
//! serves us too.

use super::layers::Layers;
use super::{BaseUrl, Provider, Speech};

/// A provider that is known by its name.
pub(super) struct Vendor {
    /// The name of the provider.
    pub(super) name: &'static str,
    /// How it is spoken to.
    pub(super) speech: Speech,
    /// Where it is.
    base: &'static str,
    /// The model of requests that name none.
    pub(super) model: &'static str,
    /// Variables with its key, the preferred one first.
    pub(super) key_variables: &'static [&'static str],
    /// The variable with its base URL.
    pub(super) base_variables: [&'static str; 1],
    /// The variable with its model.
    pub(super) model_variables: [&'static str; 1],
}

/// All of them.
pub(super) static VENDORS: [Vendor; 3] = [
    Vendor {
        name: "openai",
        speech: Speech::OpenAi,
        base: "https://api.openai.com/v1",
        model: "gpt-4o-mini",
        key_variables: &["OPENAI_API_KEY"],
        base_variables: ["OPENAI_BASE_URL"],
        model_variables: ["OPENAI_MODEL"],
    },
    Vendor {
        name: "anthropic",
        speech: Speech::Anthropic,
        base: "https://api.anthropic.com",
        model: "claude-haiku-4-5",
        key_variables: &["ANTHROPIC_API_KEY"],
        base_variables: ["ANTHROPIC_BASE_URL"],
        model_variables: ["ANTHROPIC_MODEL"],
    },
    Vendor {
        name: "gemini",
        speech: Speech::Gemini,
        base: "https://generativelanguage.googleapis.com",
        model: "gemini-2.5-flash",
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        base_variables: ["GEMINI_BASE_URL"],
        model_variables: ["GEMINI_MODEL"],
    },
];

impl Vendor {
    /// The vendor of that name.
    pub(super) fn of_name(name: &str) -> Option<&'static Vendor> {
        VENDORS.iter().find(|vendor| vendor.name == name)
    }

    /// Where it is.
    pub(super) fn base(&self) -> BaseUrl {
        BaseUrl::parse(self.base).expect("a constant that a test parses")
    }

    /// The variables that say that it is wanted. A model alone does not.
    pub(super) fn presence(&self) -> impl Iterator<Item = &'static str> {
        self.key_variables
            .iter()
            .copied()
            .chain(self.base_variables)
    }

    /// Names a variable that is set and asks for nothing, because a model alone is no provider.
    pub(super) fn notes(layers: &Layers, providers: &[Provider]) -> Vec<String> {
        let unasked = |vendor: &&Vendor| !providers.iter().any(|p| p.name == vendor.name);
        let note = |vendor: &Vendor| {
            let [model, base] = [vendor.model_variables[0], vendor.base_variables[0]];
            let key = vendor.key_variables[0];
            layers.has_variable(model).then(|| {
                format!(
                    "{model} is set, but {} is not asked: {key} or {base} is missing",
                    vendor.name
                )
            })
        };
        VENDORS.iter().filter(unasked).filter_map(note).collect()
    }

    /// Whether a variable means something to a vendor.
    pub(super) fn knows(variable: &str) -> bool {
        VENDORS.iter().any(|vendor| {
            let mut variables = vendor.presence().chain(vendor.model_variables);
            variables.any(|name| name == variable)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_is_somewhere_by_tls() {
        for vendor in &VENDORS {
            assert!(vendor.base().tls, "{}", vendor.name);
            assert_eq!(vendor.base().to_string(), vendor.base);
            assert_eq!(vendor.speech.as_str(), vendor.name);
        }
    }
}
