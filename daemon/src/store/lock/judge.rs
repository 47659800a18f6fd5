//! What a lock file and the kernel's answer mean together: a table without side effects but two looks at the system.

use super::Holder;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::fs::{self, File};
use std::io;

/// The kernel's answer to the wish for the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// Ours now.
    Granted,
    /// Somebody's, who is alive.
    Refused,
    /// This file system has no locks (ENOLCK and its like).
    Silent,
}

impl Kernel {
    /// Asks for the lock; with the error where there is no answer.
    pub(super) fn ask(file: &File) -> (Self, Option<io::Error>) {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => (Self::Granted, None),
            // NFS answers EACCES where the lock protocol's byte ranges do.
            Err(Errno::WOULDBLOCK | Errno::ACCESS) => (Self::Refused, None),
            Err(error) => (Self::Silent, Some(error.into())),
        }
    }
}

/// What follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The folder is ours to take.
    Free,
    /// A daemon of this host has it.
    Taken(Option<Holder>),
    /// A daemon of another host has it, or may have it.
    OtherHost(Holder),
}

pub(super) fn judge(kernel: Kernel, file: &File, written: Option<Holder>, me: &Holder) -> Verdict {
    verdict(kernel, written, me, || is_local(file), is_running)
}

/// `local`: whether a granted lock rules out holders on other hosts. `running`: whether that pid is a daemon of this
/// host; asked only where the kernel is silent.
fn verdict(
    kernel: Kernel,
    written: Option<Holder>,
    me: &Holder,
    local: impl FnOnce() -> bool,
    running: impl FnOnce(u32) -> bool,
) -> Verdict {
    let elsewhere = |holder: &Holder| holder.host != me.host;
    match (kernel, written) {
        (Kernel::Refused, Some(holder)) if elsewhere(&holder) => Verdict::OtherHost(holder),
        (Kernel::Refused, holder) => Verdict::Taken(holder),
        (Kernel::Granted | Kernel::Silent, None) => Verdict::Free,
        // A network disk may keep locks within each host (NFS `nolock`, `local_lock`): the grant proves nothing.
        (Kernel::Granted, Some(holder)) if elsewhere(&holder) && !local() => {
            Verdict::OtherHost(holder)
        }
        (Kernel::Granted, Some(_)) => Verdict::Free,
        (Kernel::Silent, Some(holder)) if elsewhere(&holder) => Verdict::OtherHost(holder),
        (Kernel::Silent, Some(holder)) if holder.pid != me.pid && running(holder.pid) => {
            Verdict::Taken(Some(holder))
        }
        (Kernel::Silent, Some(_)) => Verdict::Free,
    }
}

/// Whether the file lies on a disk of this host, where a granted lock leaves no other holder. What is not known here
/// counts as a network disk: the price is one more login, the other way it would be two daemons on one token.
fn is_local(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|disk| {
        // Some architectures give the number signed, some in 32 bits.
        u64::try_from(disk.f_type).is_ok_and(|magic| LOCAL_DISKS.contains(&(magic & 0xffff_ffff)))
    })
}

/// Whether the process is there and runs the same program as we do.
fn is_running(pid: u32) -> bool {
    let program = |of: &str| fs::read(format!("/proc/{of}/comm")).ok();
    let theirs = program(&pid.to_string());
    theirs.is_some() && theirs == program("self")
}

/// `linux/magic.h`, and out-of-tree file systems by their own headers: ext, XFS, Btrfs, tmpfs, ramfs, overlay, F2FS,
/// ZFS, bcachefs, eCryptfs.
const LOCAL_DISKS: [u64; 10] = [
    0xef53,
    0x5846_5342,
    0x9123_683e,
    0x0102_1994,
    0x8584_58f6,
    0x794c_7630,
    0xf2f5_2010,
    0x2fc1_2fc1,
    0xca45_1a4e,
    0xf15f,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(host: &str, pid: u32) -> Option<Holder> {
        Some(Holder { host: host.into(), pid, socket: "/run/s".into() })
    }

    #[test]
    fn every_case_has_its_verdict() {
        use Kernel::{Granted, Refused, Silent};
        let free = || Verdict::Free;
        let taken = Verdict::Taken;
        let other = |holder: Option<Holder>| Verdict::OtherHost(holder.unwrap());
        let (ours, theirs) = (|| holder("here", 7), || holder("there", 7));
        // The kernel's answer, the name in the file, whether the disk is local, whether that pid runs; the verdict.
        let table = [
            (Granted, None, false, false, free()),
            (Granted, ours(), false, true, free()),
            (Granted, theirs(), true, true, free()),
            (Granted, theirs(), false, false, other(theirs())),
            (Refused, None, true, true, taken(None)),
            (Refused, ours(), false, true, taken(ours())),
            (Refused, theirs(), true, true, other(theirs())),
            (Refused, theirs(), false, false, other(theirs())),
            (Silent, None, false, false, free()),
            (Silent, ours(), false, true, taken(ours())),
            (Silent, ours(), false, false, free()),
            (Silent, holder("here", 1), false, true, free()),
            (Silent, theirs(), false, true, other(theirs())),
        ];
        let me = holder("here", 1).unwrap();
        for (kernel, written, local, running, expected) in table {
            let case = format!("{kernel:?} {written:?} local {local} running {running}");
            assert_eq!(verdict(kernel, written, &me, || local, |_| running), expected, "{case}");
        }
    }

    #[test]
    fn a_process_is_running_or_not() {
        assert!(is_running(std::process::id()));
        assert!(!is_running(u32::MAX));
    }
}
