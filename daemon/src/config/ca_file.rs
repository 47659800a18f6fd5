//! A file of certificates: it must be there and hold one when the configuration is read.

use super::error::Fault;
use super::open_regular;
use super::written::{Limits, Written};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Checks that the file under `ca_file` is of use, so that a slip shows now and not at the next refresh. Its content is
/// read anew whenever it is needed.
pub(super) fn read(profile: &Written<'_>) -> Result<Option<PathBuf>, Fault> {
    let Some(text) = profile.text("ca_file")? else { return Ok(None) };
    let path = profile.resolve(text)?;
    if profile.limits == Limits::MadeBefore {
        return Ok(Some(path));
    }
    // Escaped, so that the message stays one line.
    let shown = path.to_string_lossy().escape_debug().to_string();
    match holds_certificate(&path) {
        Ok(true) => Ok(Some(path)),
        Ok(false) => Err(text.fault(
            format!("`{}` names `{shown}`, which holds no PEM certificate", text.key),
            "name a file with `-----BEGIN CERTIFICATE-----` in it",
        )),
        Err(error) => Err(text.fault(
            format!("`{}` names `{shown}`, which can't be read: {error}", text.key),
            "name a file that this user may read; a relative path starts at this file's folder",
        )),
    }
}

fn holds_certificate(path: &Path) -> io::Result<bool> {
    let mut content = Vec::new();
    open_regular(path)?.take(CA_FILE_MAX).read_to_end(&mut content)?;
    Ok(content.windows(PEM_CERTIFICATE.len()).any(|window| window == PEM_CERTIFICATE))
}

/// RFC 7468 §5.1.
const PEM_CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Bytes looked at; Debian's whole bundle has under 300 KB.
const CA_FILE_MAX: u64 = 4 * 1024 * 1024;
