//! The state folder full, read-only, unwritable or open to others: the session goes on in memory, and says so.

use crate::needs;
use bearerd_client::{EventKind, ProfileState};
use bearerd_tests::daemon::{Daemon, Home, Rig, eventually};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// It is saved as soon as that is possible, and then survives.
fn mended_it_is_saved(rig: Rig) {
    rig.daemon.until(Rig::PROFILE, "saved", |status| status.saved);
    let token = rig.daemon.token_text(Rig::PROFILE);
    let rig = rig.restarted(Daemon::kill9);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
    assert!(rig.idp.is_active(&rig.daemon.renew(Rig::PROFILE)));
}

/// In memory alone, a session is as good as any, and every way to look at it says so.
fn goes_on_unsaved(rig: &Rig, reason: &str) {
    let status = rig.daemon.status(Rig::PROFILE);
    assert_eq!((status.state, status.saved), (ProfileState::Ready, false));
    let first = rig.daemon.token_text(Rig::PROFILE);
    let newer = rig.daemon.renew(Rig::PROFILE);
    assert_ne!(newer, first);
    assert!(rig.idp.is_active(&newer));
    let log = rig.daemon.log();
    assert!(log.contains(reason), "the log says why: {log}");
    let status = rig.daemon.bearerctl(&["status"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains(" no"), "{status:?}");
}

#[test]
fn a_state_folder_that_cannot_be_made_keeps_nobody_from_logging_in() {
    let rig = Rig::start();
    let Rig { daemon, home, idp } = rig;
    daemon.terminate();
    std::fs::remove_dir_all(home.state()).unwrap();
    std::fs::write(home.state(), "in the way").unwrap();
    let rig = Rig { daemon: Daemon::start(&home), home, idp };
    let mut watch = rig.daemon.watch();
    let rig = rig.logged_in();
    let event = watch.next(EventKind::NotSaved);
    assert!(event.message.unwrap().contains("state/bearerd"));
    goes_on_unsaved(&rig, "state/bearerd");
    std::fs::remove_file(rig.home.state()).unwrap();
    mended_it_is_saved(rig);
}

#[test]
fn a_state_folder_open_to_others_is_not_used_until_it_is_closed() {
    let rig = Rig::start();
    std::fs::set_permissions(rig.home.state(), Permissions::from_mode(0o755)).unwrap();
    let mut watch = rig.daemon.watch();
    let rig = rig.logged_in();
    let event = watch.next(EventKind::NotSaved);
    let command = format!("chmod go-rwx {}", rig.home.state().display());
    assert!(event.message.unwrap().contains(&command));
    goes_on_unsaved(&rig, &command);
    assert!(!rig.home.session_file(Rig::PROFILE).exists());
    std::fs::set_permissions(rig.home.state(), Permissions::from_mode(0o700)).unwrap();
    mended_it_is_saved(rig);
}

#[test]
fn a_saved_session_open_to_others_is_refused_with_the_command_that_mends_it() {
    let rig = Rig::start().logged_in();
    let token = rig.daemon.token_text(Rig::PROFILE);
    let file = rig.home.session_file(Rig::PROFILE);
    let open = |mode| std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    open(0o644);
    let rig = rig.restarted(Daemon::terminate);
    let error = rig.daemon.token(Rig::PROFILE).unwrap_err();
    let command = format!("chmod go-rwx {}", file.display());
    assert!(error.to_string().contains(&command), "{error}");
    assert_eq!(rig.daemon.status(Rig::PROFILE).state, ProfileState::StateUnreadable);
    open(0o600);
    rig.daemon.reload();
    rig.daemon.until(Rig::PROFILE, "ready", |status| status.state == ProfileState::Ready);
    assert_eq!(rig.daemon.token_text(Rig::PROFILE), token);
}

#[test]
fn a_folder_that_may_not_be_written_keeps_the_session_in_memory() {
    if rustix::process::geteuid().is_root() {
        // Modes do not stop root: a mount that is read-only does.
        return on_a_bad_disk("read-only", |disk| disk.remount("ro"), |disk| disk.remount("rw"));
    }
    let rig = Rig::start();
    let state = rig.home.state();
    let mode = |mode| std::fs::set_permissions(&state, Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    let rig = rig.logged_in();
    goes_on_unsaved(&rig, "may not write");
    mode(0o700);
    mended_it_is_saved(rig);
}

#[test]
fn a_full_disk_keeps_the_session_in_memory() {
    let fill = |disk: &SmallDisk| disk.folder.join("fill");
    on_a_bad_disk(
        "full",
        |disk| drop(std::fs::write(fill(disk), vec![0; 1 << 20]).unwrap_err()),
        |disk| std::fs::remove_file(fill(disk)).unwrap(),
    );
}

/// A login whose state folder takes nothing at first.
fn on_a_bad_disk(word: &str, spoil: impl FnOnce(&SmallDisk), mend: impl FnOnce(&SmallDisk)) {
    let Rig { daemon, home, idp } = Rig::start();
    daemon.terminate();
    let Some(disk) = SmallDisk::mounted(&home) else { return };
    spoil(&disk);
    let rig = Rig { daemon: Daemon::start(&home), home, idp };
    let mut watch = rig.daemon.watch();
    let rig = rig.logged_in();
    let message = watch.next(EventKind::NotSaved).message.unwrap();
    assert!(message.contains(word), "{message}");
    goes_on_unsaved(&rig, word);
    mend(&disk);
    mended_it_is_saved(rig);
}

/// A file system of 64 KB in the place of a home's state folder.
struct SmallDisk {
    folder: PathBuf,
    /// A home goes when nobody has it any more, and can't while a disk is in it.
    _home: Arc<Home>,
}

impl SmallDisk {
    /// `None` where this machine does not let us mount.
    fn mounted(home: &Arc<Home>) -> Option<Self> {
        let folder = home.state();
        let mount = ["-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs"];
        if !run("mount", &mount, &folder) {
            needs("a mount of tmpfs", "run the tests as root, outside a container");
            return None;
        }
        Some(Self { folder, _home: Arc::clone(home) })
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        eventually("the disk is remounted", || {
            run("mount", &["-o", &options], &self.folder).then_some(())
        });
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["--lazy"], &self.folder);
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> bool {
    Command::new(program).args(arguments).arg(folder).status().is_ok_and(|it| it.success())
}
