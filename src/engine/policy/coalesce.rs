//! Single flight: equal prompts that are asked for at the same time share one call.
//!
//! What has to be equal is everything that the provider would see, and whose it is. The key is a
//! hash of 128 bits, so that the table holds 16 bytes per text whatever a topic is like. It is keyed by
//! the seed of the run: nobody outside can make two prompts that have the same one, and by chance two
//! never have. A cryptographic hash would say no more, and was a twelfth of all instructions for a text.

use std::hash::{BuildHasher, Hasher};

use crate::engine::call::Plan;
use crate::engine::keywords::Purpose;

/// The most requests that share one text. The next one starts another.
pub const SUBSCRIBERS: usize = 1024;

/// What must be equal.
#[must_use]
pub fn key(keyed: &impl BuildHasher, tenant: &str, plan: &Plan) -> u128 {
    // A text whose keywords are wanted may be long, and its id stands for it.
    let (topic, keywords) = match plan.purpose {
        Purpose::Text | Purpose::Chat => (plan.topic.as_bytes(), 0),
        Purpose::Keywords(limit) => (&plan.term_id.as_bytes()[..], limit as u64),
    };
    let targets = plan.route.targets();
    let names = (targets.iter()).flat_map(|target| [&*target.provider_name, &*target.model]);
    let names = std::iter::once(tenant).chain(names).map(str::as_bytes);
    // In one piece, because a hash takes eight bytes at a time.
    let mut bytes = Vec::with_capacity(topic.len() + 128);
    for part in names.chain([topic]) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes.extend_from_slice(&(targets.len() as u64).to_be_bytes());
    bytes.extend_from_slice(&plan.max_tokens.unwrap_or(0).to_be_bytes());
    let temperature = plan.temperature.map_or(u32::MAX, f32::to_bits);
    bytes.extend_from_slice(&temperature.to_be_bytes());
    bytes.extend_from_slice(&[u8::from(plan.stream), plan.candidate]);
    bytes.extend_from_slice(&keywords.to_be_bytes());
    let half = |which: u8| {
        let mut hash = keyed.build_hasher();
        hash.write_u8(which);
        hash.write(&bytes);
        u128::from(hash.finish())
    };
    (half(0) << 64) | half(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::policy::route::{ModelRoute, Target};
    use std::hash::RandomState;
    use std::sync::Arc;
    use uuid::Uuid;

    fn route(provider: &str, model: &str) -> Arc<ModelRoute> {
        Arc::new(ModelRoute::single(Target {
            provider: 0,
            provider_name: provider.into(),
            offline: false,
            model: model.into(),
        }))
    }

    fn plan(topic: &str) -> Plan {
        Plan {
            key: 0,
            topic: topic.into(),
            term_id: Uuid::nil(),
            route: route("p", "m"),
            max_tokens: None,
            temperature: None,
            stream: true,
            candidate: 0,
            patient: false,
            purpose: Purpose::Text,
            asked: None,
            errand: None,
        }
    }

    #[test]
    fn whatever_the_provider_would_see_is_part_of_the_key() {
        let keyed = RandomState::new();
        let base = plan("tea");
        let same = key(&keyed, "local", &base);
        assert_eq!(same, key(&keyed, "local", &plan("tea")));
        let mut others = vec![
            key(&keyed, "other", &base),
            key(&keyed, "local", &plan("te")),
        ];
        for change in [
            |p: &mut Plan| p.route = route("p", "n"),
            |p: &mut Plan| p.route = route("q", "m"),
            |p: &mut Plan| p.max_tokens = Some(1),
            |p: &mut Plan| p.temperature = Some(0.0),
            |p: &mut Plan| p.stream = false,
            |p: &mut Plan| p.candidate = 1,
            |p: &mut Plan| p.purpose = Purpose::Keywords(1),
            |p: &mut Plan| p.purpose = Purpose::Keywords(2),
        ] {
            let mut other = base.clone();
            change(&mut other);
            others.push(key(&keyed, "local", &other));
        }
        others.push(same);
        others.sort_unstable();
        others.dedup();
        assert_eq!(others.len(), 11);
    }
}
