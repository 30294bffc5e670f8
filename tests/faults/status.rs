//! Statuses that no second attempt heals: one call, an exact code, and nothing of the provider's
//! words.

use crate::drill::for_all;

#[test]
fn p6_refusals_are_final() {
    let rows = [
        (400, "upstream_rejected"),
        (401, "upstream_key"),
        (403, "upstream_key"),
        (404, "upstream_not_found"),
        (422, "upstream_rejected"),
    ];
    for_all(|drill, sim, dialect, stream| {
        for (status, code) in rows {
            let before = sim.stat("calls");
            let told = drill.ask(&format!("fault:status-{status}"), stream);
            assert_eq!(told.failure(), (502, code), "{dialect} {status}");
            assert_eq!(
                sim.stat("calls") - before,
                1,
                "{dialect} {status}: one call"
            );
        }
    });
}

#[test]
fn p6_quotas_that_are_used_up_are_final() {
    for_all(|drill, sim, dialect, stream| {
        let day = dialect != "anthropic"; // which has no way to say so
        let faults = ["insufficient-quota", "day-quota"];
        for fault in faults.into_iter().take(if day { 2 } else { 1 }) {
            let before = sim.stat("calls");
            let told = drill.ask(&format!("fault:{fault}"), stream);
            assert_eq!(told.failure(), (502, "upstream_quota"), "{dialect} {fault}");
            assert_eq!(sim.stat("calls") - before, 1, "{dialect} {fault}: one call");
        }
    });
}
