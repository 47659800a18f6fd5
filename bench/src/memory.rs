//! Resident memory, as the kernel counts it.

/// Prints a process's `VmRSS` and its parts.
pub(crate) fn print(status: &str, what: &str) {
    let figure = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace()
            .nth(1)
            .and_then(|kilobytes| kilobytes.parse::<f64>().ok())
            .unwrap_or(f64::NAN)
    };
    println!("{what}");
    println!("  VmRSS              {:>12.1} MB  (aim ≤ 8 MB)", figure("VmRSS:") / 1024.0);
    println!(
        "    of it our own    {:>12.1} MB, files mapped {:.1} MB",
        figure("RssAnon:") / 1024.0,
        figure("RssFile:") / 1024.0
    );
}
