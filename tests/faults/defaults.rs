//! The drills run at a twentieth of the limits. Here are the limits themselves, as the fault matrix
//! promises them.

use std::collections::BTreeMap;

use maitred::limits;

use crate::support::House;
use crate::support::provider::config_for;

/// What `check-config` prints, as `section.name` and value.
fn defaults() -> BTreeMap<String, String> {
    let config = config_for("http://127.0.0.1:1/v1", "");
    let output = House::new().run_to_exit(&config, &["check-config"]);
    assert!(output.status.success(), "{output:?}");
    let mut section = String::new();
    let mut settings = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned() + ".";
        } else if let Some((name, value)) = line.split_once(" = ") {
            let value = value.split("  #").next().unwrap();
            settings.insert(format!("{section}{name}"), value.to_owned());
        }
    }
    settings
}

#[test]
fn settings_that_the_drills_change() {
    let settings = defaults();
    for (name, value) in [
        ("provider.fake.connect_ms", 3_000),
        ("provider.fake.tls_ms", 5_000),
        ("provider.fake.first_byte_ms", 60_000),
        ("provider.fake.first_content_ms", 120_000),
        ("provider.fake.content_gap_ms", 60_000),
        ("provider.fake.total_ms", 600_000),
        ("provider.fake.pool_wait_ms", 1_000),
        ("provider.fake.queue_ms", 1_000),
        ("provider.fake.retries", 2),
        ("provider.fake.retry_base_ms", 500),
        ("provider.fake.retry_cap_ms", 8_000),
        ("provider.fake.retry_hint_ms", 10_000),
        ("provider.fake.breaker_failures", 5),
        ("provider.fake.breaker_open_ms", 5_000),
        ("limits.heartbeat_ms", 15_000),
        ("limits.write_stall_ms", 30_000),
        ("limits.resume_grace_ms", 10_000),
        ("limits.replay_ms", 60_000),
    ] {
        assert_eq!(settings.get(name), Some(&value.to_string()), "{name}");
    }
}

#[test]
fn bounds_that_nobody_can_change() {
    assert_eq!(limits::HEAD_BYTES, 16 * 1024);
    assert_eq!(limits::HEADER_COUNT, 100);
    assert_eq!(limits::SSE_EVENT_BYTES, 1024 * 1024);
    assert_eq!(limits::RESOLVE_MS, 3_000);
    assert_eq!(limits::CONNECT_STAGGER_MS, 250);
    // One megabyte of heads is a hundred times what these let through.
    const { assert!(limits::INFORMATIONAL_RESPONSES * limits::HEAD_BYTES <= 1024 * 1024) };
}
