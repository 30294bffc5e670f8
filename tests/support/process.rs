//! A process as the kernel sees it: signals, threads, processor time, sockets. Linux only where it
//! reads `/proc`.

use std::fs;
use std::process::Command;
use std::time::Duration;

/// Sends a signal by its name (`TERM`, `KILL`, `STOP`) to one process that a test has started.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .expect("kill is there");
    assert!(status.success(), "kill -{name} {pid}");
}

/// The processor time that a process has used so far, in all of its threads.
pub fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    // The name in brackets may hold spaces. utime and stime are the fields 14 and 15 of `proc(5)`.
    let after_name = stat.rsplit_once(") ").expect("a name in brackets").1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u64 = [11, 12]
        .map(|at| fields[at].parse::<u64>().expect("ticks"))
        .iter()
        .sum();
    // USER_HZ is 100 on every Linux that this runs on.
    Duration::from_millis(ticks * 10)
}

/// Bytes of memory that are resident.
pub fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("proc(5)");
    let kib = line.trim().trim_end_matches(" kB");
    kib.parse::<u64>().expect("a number") * 1024
}

/// How long a thread was ready to run and did not, by its `schedstat` (see
/// `Documentation/scheduler/sched-stats.rst` of Linux). A kernel without it says nothing.
pub fn waited_for_processor(schedstat: &str) -> Duration {
    let stat = fs::read_to_string(schedstat).unwrap_or_default();
    let waited = stat.split(' ').nth(1).and_then(|word| word.parse().ok());
    Duration::from_nanos(waited.unwrap_or(0))
}

/// Open file descriptors.
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("it runs")
        .count()
}

/// Bytes that the kernel holds for the peers of all connections at `port` of this machine, unsent
/// or not acknowledged: the longest queue of them (`tx_queue` in `proc_net_tcp.txt`).
pub fn longest_send_queue(port: u16) -> u64 {
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
    let queues = table.lines().skip(1).filter_map(|row| {
        let words: Vec<&str> = row.split_whitespace().collect();
        let local = u16::from_str_radix(words.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        let queue = words.get(4)?.split_once(':')?.0;
        (local == port).then(|| u64::from_str_radix(queue, 16).ok())?
    });
    queues.max().unwrap_or(0)
}

/// The states of all TCP connections of this machine towards `port`: 1 is established, 2 has sent
/// its SYN (`include/net/tcp_states.h`).
pub fn tcp_states_towards(port: u16) -> Vec<u8> {
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
    let rows = table.lines().skip(1).filter_map(|row| {
        let mut words = row.split_whitespace().skip(2);
        let (remote, state) = (words.next()?, words.next()?);
        let towards = u16::from_str_radix(remote.rsplit_once(':')?.1, 16).ok()?;
        (towards == port).then(|| u8::from_str_radix(state, 16).ok())?
    });
    rows.collect()
}
