//! A small ext4 in a home's place for state, whose power can be cut.

use bearerd_tests::daemon::{Home, eventually};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// The file system, in a file outside of the home: that one is searched for secrets, whole.
pub(crate) struct Volume {
    folder: TempDir,
    place: PathBuf,
    /// A home goes when nobody has it any more, and can't while a disk is in it.
    _home: Arc<Home>,
}

impl Volume {
    /// A new one, mounted.
    pub(crate) fn mounted(home: &Arc<Home>) -> Self {
        let folder = TempDir::new().unwrap();
        let image = folder.path().join("image");
        let place = home.path().join("state");
        std::fs::create_dir(&place).unwrap();
        std::fs::File::create(&image).unwrap().set_len(BYTES).unwrap();
        demand(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        let volume = Self { folder, place, _home: Arc::clone(home) };
        volume.mount();
        volume
    }

    /// From now on nothing reaches the disk: what the kernel has not handed to it is gone, the journal's last moments
    /// too (`EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`, `fs/ext4/ext4.h`). No safe wrapper has that call, and
    /// Perl is on every Debian.
    pub(crate) fn cut(&self) {
        let script = "open(my $folder, '<', $ARGV[0]) or die; my $flags = pack('L', 2); ioctl($folder, 0x8004587d, $flags) or die $!";
        demand(Command::new("perl").args(["-e", script]).arg(&self.place));
    }

    /// Unmounted and mounted again, which is when the journal is replayed: what a machine finds that starts again.
    pub(crate) fn back(&self) {
        eventually("nobody has files open there", || {
            run(Command::new("umount").arg(&self.place)).then_some(())
        });
        self.mount();
    }

    fn mount(&self) {
        let mut mount = Command::new("mount");
        demand(mount.args(["-o", OPTIONS]).arg(self.folder.path().join("image")).arg(&self.place));
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.place));
    }
}

/// By default ext4 writes a file that replaces another one before its name, because so many programs forget to
/// (ext4(5), `auto_da_alloc`). bearerd is not to lean on that.
const OPTIONS: &str = "loop,noauto_da_alloc";

/// The least that `mkfs.ext4` gives a journal of its own with room to spare.
const BYTES: u64 = 12 << 20;

fn demand(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

fn run(command: &mut Command) -> bool {
    command.output().unwrap().status.success()
}
