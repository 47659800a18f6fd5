//! The real daemon, killed at every moment of a rotation; its disk, failing at every call of a save; the power, cut.
//!
//! Needs root, strace, perl, loop devices and `mkfs.ext4`. Plain it takes a selection; with `BEARERD_CRASHES=long` a thousand
//! kills and a hundred power losses. Then `BEARERD_BLESS=1` writes what was seen into `docs/crashes.md`; without it each
//! run demands that what it sees has the shape of what stands there.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests: they fail where they unwrap, choose their moments by the clock, and tell what they saw"
)]

mod kills;
mod power;
mod saves;

mod chance;
mod on_disk;
mod page;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Daemons that run side by side in one test.
const SIDE_BY_SIDE: usize = 8;

/// Each test keeps all cores busy: two at once would only make each other's moments late.
fn machine_alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::new(());
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether all is wanted, and not a selection.
fn is_long() -> bool {
    std::env::var_os("BEARERD_CRASHES").is_some_and(|value| value == "long")
}

/// Has `work` done for each of `jobs`, on [`SIDE_BY_SIDE`] threads; gives the results in the order of the jobs.
fn side_by_side<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results: Vec<_> = jobs.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { return };
                    *results[at].lock().unwrap() = Some(work(job));
                }
            });
        }
    });
    results.into_iter().map(|result| result.into_inner().unwrap().unwrap()).collect()
}
