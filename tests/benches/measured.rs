//! The time and the memory of a program, and the median of several runs.

use std::{
    fs,
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

/// The interval between two readings of a program's memory.
const BETWEEN_READINGS: Duration = Duration::from_millis(5);

/// A program that has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub time: Duration,
    pub peak_kib: f64,
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Ended {
    let started = Instant::now();
    let mut child = command.spawn().expect("it is built and installed");
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib: f64 = 0.0;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            let time = started.elapsed();
            return Ended {
                status,
                time,
                peak_kib,
            };
        }
        let now = fs::read_to_string(&status).unwrap_or_default();
        peak_kib = peak_kib.max(peak_of(&now).unwrap_or(0.0));
        thread::sleep(BETWEEN_READINGS);
    }
}

/// Returns the peak memory, in KiB, of a process's status in /proc.
pub fn peak_of(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
