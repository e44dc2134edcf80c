//! RESULTS.md: the results of the measuring commands, with place and date; each command has a section of its own.

use std::path::PathBuf;
use std::process::Command;

/// Replaces the section with this name, or appends it.
///
/// # Panics
/// If the file cannot be written.
pub fn write(section: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
    let known = std::fs::read_to_string(&path).unwrap_or_else(|_| PREFACE.to_owned());
    let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- end of {section} -->\n"));
    let part = format!("{begin}{}\n\n{}\n{end}", text.trim_end(), measured());
    let place = known.find(&begin).zip(known.find(&end));
    let all = match place {
        Some((from, to)) => format!("{}{part}{}", &known[..from], &known[to + end.len()..]),
        None => format!("{}\n\n{part}", known.trim_end()),
    };
    std::fs::write(&path, all).expect("benchmarks/RESULTS.md can be written");
    println!("{text}\nwritten to benchmarks/RESULTS.md");
}

const PREFACE: &str =
    "# Results\n\nWritten by the benchmarks themselves; each section says by which, where and when.\n";

/// Returns the place, the date and the load of the measurement.
fn measured() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let date = Command::new("date").args(["-u", "+%F"]).output();
    let date = date.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown");
    format!(
        "Measured {} on {cores} cores of {model}, at a load of {load}.",
        date.unwrap_or_else(|_| "at an unknown date".to_owned())
    )
}
