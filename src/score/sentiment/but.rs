//! "But": what comes after it weighs more than what came before.
//!
//! Valences before the first "but" are halved, those after it grow by half. The reference goes
//! through the valences and for each one changes *the first that is equal to it at that moment*,
//! which need not be the same one: with 1.9 twice before "but", the first becomes 0.95, and then
//! the second, now the first 1.9 there is, becomes 0.95 too; but if a halved valence meets an
//! equal one later, the earlier is halved again and the later keeps its weight. Scores that are
//! published everywhere depend on it, so it is kept; a search from the start for each valence
//! would take quadratic time, so equal valences are found in an ordered set.

use super::{Feeling, WORDS_PER_POLL};
use std::collections::BTreeSet;

/// Shifts the weight around word `but`. `None` if `cancelled` said yes.
pub(super) fn shift_weight(
    feelings: &mut [Feeling],
    but: usize,
    cancelled: &dyn Fn() -> bool,
) -> Option<()> {
    // The valences up to here by their bits, then by place. None is zero or NaN, so equal bits are
    // equal valences.
    let mut seen: BTreeSet<(u64, usize)> = BTreeSet::new();
    for i in 0..feelings.len() {
        if i % WORDS_PER_POLL == 0 && cancelled() {
            return None;
        }
        let bits = feelings[i].valence.to_bits();
        let earlier = seen.range((bits, 0)..(bits, i)).next().copied();
        let first = earlier.map_or(i, |(_, place)| place);
        if let Some(earlier) = earlier {
            seen.remove(&earlier);
            seen.insert((bits, i));
        }
        let feeling = &mut feelings[first];
        feeling.valence *= if feeling.at < but { 0.5 } else { 1.5 };
        seen.insert((feeling.valence.to_bits(), first));
    }
    Some(())
}
