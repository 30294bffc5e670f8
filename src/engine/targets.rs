//! Targets: whom a text is asked of, as far as that depends on the state of the engine.
//!
//! What a name stands for is in `policy/route.rs`, which knows no state.

use std::sync::Arc;

use super::flow::body::ParseFault;
use super::gate::Gate;
use super::now::Mono;
use super::policy::route::{ModelRoute, Standing, Target};
use super::slots::{CallId, GenerationId};
use super::{Engine, Failure};

impl Engine {
    /// The route of a request that names a provider, a model, both or neither.
    pub(super) fn route_for(
        &self,
        provider: Option<&str>,
        model: Option<&str>,
    ) -> Result<Arc<ModelRoute>, Failure> {
        let wrong = |field: &str, expected| {
            let field = field.into();
            Failure::Body(ParseFault::Wrong { field, expected })
        };
        match (provider, model) {
            (Some(name), model) => {
                let Some(provider) = self.provider_index(name) else {
                    return Err(wrong(
                        "provider",
                        format!("one of: {}", self.provider_names()),
                    ));
                };
                Ok(self.router.to_provider(provider, model))
            }
            (None, Some(model)) => self.router.resolve(model).map_err(|unknown| {
                let near = unknown.near.map(|name| format!("; {name} is one"));
                let expected = "a model that somebody can be asked for";
                wrong("model", format!("{expected}{}", near.unwrap_or_default()))
            }),
            (None, None) => Ok(self.router.default_route()),
        }
    }

    /// How long a text may take in all: as long as its most patient target.
    pub(super) fn total_ms(&self, route: &ModelRoute) -> u64 {
        let targets = route.targets().iter();
        let most = targets.map(|target| self.times(target.provider).total_ms);
        most.max().unwrap_or(0)
    }

    /// Who is asked first, and where that is; if all rest, whoever wakes first, to tell when that is.
    pub(super) fn first_target(&mut self, id: GenerationId) -> Option<(u8, u16)> {
        if let Some(target) = self.next_or_last_resort(id, 0) {
            return Some(target);
        }
        let route = &self.generations.get(id)?.plan.route;
        let standing = |target: &Target| standing(&self.gates, target, self.now.mono);
        let at = route.wakes_first(0, standing)?;
        Some((at, route.target(at).provider))
    }

    /// All targets were asked: the call goes back to the best of those whose failure may heal, or
    /// stays where it is. Returns the provider there; `None` if there is no point.
    pub(super) fn stay_or_return(&mut self, id: CallId) -> Option<u16> {
        let call = self.calls.get(id)?;
        let (generation, here) = (call.generation, (call.at, call.provider));
        let healing = self.generations.get(generation)?.result.tries.healing;
        let stays = healing & (1 << call.at) != 0;
        let next = self.next_target(generation, !healing);
        let (at, provider) = next.or(stays.then_some(here))?;
        let call = self.calls.get_mut(id)?;
        if call.at != at {
            (call.at, call.provider) = (at, provider);
            call.came = true; // it was there, and has waited
        }
        Some(provider)
    }

    /// Who is asked after those that were `tried`; `None` if nobody is left who does not rest.
    pub(super) fn next_target(&mut self, id: GenerationId, tried: u32) -> Option<(u8, u16)> {
        let route = &self.generations.get(id)?.plan.route;
        let standing = |target: &Target| standing(&self.gates, target, self.now.mono);
        let at = route.choose(tried, standing, &mut self.random)?;
        Some((at, route.target(at).provider))
    }

    /// The same; if all rest, one whose keys were refused, because one may have been mended since.
    pub(super) fn next_or_last_resort(
        &mut self,
        id: GenerationId,
        tried: u32,
    ) -> Option<(u8, u16)> {
        if let Some(target) = self.next_target(id, tried) {
            return Some(target);
        }
        let route = &self.generations.get(id)?.plan.route;
        let (gates, now) = (&self.gates, self.now.mono);
        let standing = |target: &Target| {
            let is_last_resort =
                gates[usize::from(target.provider)].is_last_resort(now, &target.model);
            Standing {
                rests_ms: (!is_last_resort).then_some(0),
                ..standing(gates, target, now)
            }
        };
        let at = route.choose(tried, standing, &mut self.random)?;
        Some((at, route.target(at).provider))
    }
}

fn standing(gates: &[Gate], target: &Target, now: Mono) -> Standing {
    let gate = &gates[usize::from(target.provider)];
    Standing {
        rests_ms: gate.rests_ms(now, &target.model),
        outstanding: gate.permits.used() + gate.permits.waiting(),
    }
}
