//! A TCP port that stays ours while the server on it is down.
//!
//! The kernel hands its ephemeral ports to any program that connects somewhere, so a stopped server
//! could not come back to one. Ports below that range are taken by choice alone, and a lock file for
//! each keeps test processes of one machine apart.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::Error;

/// Below Linux's ephemeral range, which begins at 32768 by default.
pub(super) const FIRST: u16 = 21_400;
/// The last of the range.
pub(super) const LAST: u16 = 21_599;

#[derive(Debug)]
pub(super) struct Port {
    pub(super) number: u16,
    _lock: File,
}

impl Port {
    pub(super) fn reserve(cache: &Path) -> Result<Self, Error> {
        let folder = cache.join("ports");
        fs::create_dir_all(&folder).map_err(|source| Error::File {
            doing: "make",
            path: folder.clone(),
            source,
        })?;
        (FIRST..=LAST).find_map(|number| Self::try_reserve(&folder, number)).ok_or(Error::NoPort)
    }

    fn try_reserve(folder: &Path, number: u16) -> Option<Self> {
        let lock = File::create(folder.join(number.to_string())).ok()?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _lock: lock })
    }
}
