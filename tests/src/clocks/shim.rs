//! The shim as a library: compiled once per test process, from the source beside.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;

/// Where it is.
///
/// # Panics
/// Where the C compiler is missing, or does not take it.
pub(super) fn library() -> &'static Path {
    static LIBRARY: LazyLock<PathBuf> = LazyLock::new(compile);
    &LIBRARY
}

fn compile() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/clocks/shim.c");
    let bytes = std::fs::read(&source).unwrap();
    let place = crate::binaries::temporary_folder();
    std::fs::create_dir_all(&place).unwrap();
    // Two test processes may do this at once: each compiles beside, and puts the same thing in place.
    let beside = TempDir::new_in(&place).unwrap();
    let made = beside.path().join("clocks.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"]);
    let status = compiler.arg(&made).arg(&source).status();
    let status = status.expect("a C compiler is there: apt-get install -y gcc libc6-dev");
    assert!(status.success(), "`cc` does not take `{}`", source.display());
    let library = place.join(format!("clocks-{:x}.so", checksum(&bytes)));
    std::fs::rename(made, &library).unwrap();
    library
}

/// Tells two versions of the source apart: one that is in use is not overwritten by another.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
