//! What the real parts need of a machine, and how to mend what it lacks.

use crate::cargo::{find_program, has_subcommand};
use crate::mutants;
use crate::python::has_python;
use std::path::Path;

/// Something that a machine has or lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Java,
    Maven,
    Unzip,
    Node,
    Npm,
    Curl,
    Setpriv,
    Unshare,
    Systemd,
    /// The message bus of a user's own manager.
    UserBus,
    Root,
    /// Setting the machine's clock, which a container's root may not.
    SetClock,
    CargoDeny,
    CargoMutants,
    CCompiler,
    Faketime,
    Strace,
    /// Files that are mounted as disks.
    LoopDevices,
    MkfsExt4,
    Perl,
    Python,
    /// One that the SDK runs on.
    PythonOfTheSdk,
    Chromium,
    ChromeDriver,
}

/// How a lack is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mend {
    Package(&'static str),
    Other(&'static str),
}

impl Part {
    fn is_there(self) -> bool {
        let program = |name| find_program(Path::new(name)).is_some();
        match self {
            Self::Java => program("java"),
            Self::Maven => program("mvn"),
            Self::Unzip => program("unzip"),
            Self::Node => program("node"),
            Self::Npm => program("npm"),
            Self::Curl => program("curl"),
            Self::Setpriv => program("setpriv"),
            Self::Unshare => program("unshare"),
            Self::Systemd => {
                program("systemctl")
                    && ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"]
                        .iter()
                        .any(|path| Path::new(path).is_file())
            }
            Self::UserBus => Path::new("/usr/lib/systemd/user/dbus.socket").exists(),
            Self::Root => rustix::process::geteuid().is_root(),
            Self::SetClock => may_set_the_clock(),
            Self::CargoDeny => has_subcommand("deny"),
            Self::CargoMutants => has_subcommand("mutants"),
            Self::CCompiler => program("cc"),
            Self::Faketime => program("faketime"),
            Self::Strace => program("strace"),
            Self::LoopDevices => Path::new("/dev/loop-control").exists(),
            Self::MkfsExt4 => program("mkfs.ext4") || Path::new("/usr/sbin/mkfs.ext4").is_file(),
            Self::Perl => program("perl"),
            Self::Python => has_python(),
            Self::PythonOfTheSdk => {
                ["python3.10", "python3.11", "python3.12", "python3"].into_iter().any(runs_the_sdk)
            }
            Self::Chromium => program("chromium"),
            Self::ChromeDriver => program("chromedriver"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Java => "java",
            Self::Maven => "mvn",
            Self::Unzip => "unzip",
            Self::Node => "node",
            Self::Npm => "npm",
            Self::Curl => "curl",
            Self::Setpriv => "setpriv",
            Self::Unshare => "unshare",
            Self::Systemd => "systemd",
            Self::UserBus => "systemd's dbus.socket for users",
            Self::Root => "the rights of root",
            Self::SetClock => "the right to set the clock",
            Self::CargoDeny => "cargo-deny",
            Self::CargoMutants => "cargo-mutants",
            Self::CCompiler => "cc",
            Self::Faketime => "faketime",
            Self::Strace => "strace",
            Self::LoopDevices => "loop devices",
            Self::MkfsExt4 => "mkfs.ext4",
            Self::Perl => "perl",
            Self::Python => "a Python from 3.10 to 3.13 with venv",
            Self::PythonOfTheSdk => "Python 3.10, 3.11 or 3.12 with `venv`",
            Self::Chromium => "chromium",
            Self::ChromeDriver => "chromedriver",
        }
    }

    /// Packages are Debian's.
    fn mend(self) -> Mend {
        match self {
            Self::Java => Mend::Package("openjdk-17-jre-headless"),
            Self::Maven => Mend::Package("maven"),
            Self::Unzip => Mend::Package("unzip"),
            Self::Node => Mend::Package("nodejs"),
            Self::Npm => Mend::Package("npm"),
            Self::Curl => Mend::Package("curl"),
            Self::Setpriv | Self::Unshare => Mend::Package("util-linux"),
            Self::Systemd => Mend::Package("systemd"),
            Self::UserBus => Mend::Package("dbus-user-session"),
            Self::Root => Mend::Other("run it as root, which namespaces and users of its own need"),
            Self::SetClock => {
                Mend::Other("run it as the machine's root; a container needs `--cap-add SYS_TIME`")
            }
            Self::CargoDeny => Mend::Other("`cargo install --locked cargo-deny`"),
            Self::CargoMutants => Mend::Other(mutants::INSTALL),
            Self::CCompiler => Mend::Package("gcc libc6-dev"),
            Self::Faketime => Mend::Package("faketime"),
            Self::Strace => Mend::Package("strace"),
            Self::LoopDevices => {
                Mend::Other("`modprobe loop`; a container has to be given its devices")
            }
            Self::MkfsExt4 => Mend::Package("e2fsprogs"),
            Self::Perl => Mend::Package("perl-base"),
            Self::Python => Mend::Package("python3 python3-venv"),
            Self::PythonOfTheSdk => Mend::Package("python3-venv"),
            Self::Chromium => Mend::Package("chromium"),
            Self::ChromeDriver => Mend::Package("chromium-driver"),
        }
    }
}

/// Whether this interpreter is one that the pinned packages of the SDK have wheels for, and can make environments.
fn runs_the_sdk(python: &str) -> bool {
    let fits = "import sys, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))";
    let tried = std::process::Command::new(python).args(["-c", fits]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// Whether this process has CAP_SYS_TIME (capabilities(7)) where it counts: in the first user namespace, which alone maps
/// every user to itself (user_namespaces(7)).
fn may_set_the_clock() -> bool {
    let read = |file| std::fs::read_to_string(file).unwrap_or_default();
    has_sys_time(&read("/proc/self/status"))
        && read("/proc/self/uid_map").split_whitespace().eq(["0", "0", "4294967295"])
}

/// As a process's `status` says it (proc_pid_status(5)).
fn has_sys_time(status: &str) -> bool {
    const SYS_TIME: u64 = 1 << 25;
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & SYS_TIME != 0)
}

/// What of `needs` this machine lacks, with the mend, in one line; `None` where it has all of it.
pub(crate) fn lacking(needs: &[Part]) -> Option<String> {
    lack(needs.iter().copied().filter(|part| !part.is_there()))
}

fn lack(missing: impl Iterator<Item = Part>) -> Option<String> {
    let missing: Vec<Part> = missing.collect();
    if missing.is_empty() {
        return None;
    }
    let names: Vec<&str> = missing.iter().map(|part| part.name()).collect();
    let mut packages = Vec::new();
    let mut mends = Vec::new();
    for part in missing {
        match part.mend() {
            Mend::Package(package) if !packages.contains(&package) => packages.push(package),
            Mend::Package(_) => {}
            Mend::Other(mend) => mends.push(mend.to_owned()),
        }
    }
    if !packages.is_empty() {
        mends.insert(0, format!("`apt-get install -y {}`", packages.join(" ")));
    }
    Some(format!("lacks {}: {}", names.join(", "), mends.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_root_has_no_right_to_set_the_clock() {
        for (mask, has_it) in [
            ("000001ffffffffff", true),
            ("00000000a80425fb", false),
            ("0000000002000000", true),
            ("0000000000000000", false),
        ] {
            let status = format!("Name:\tcargo\nCapPrm:\t000001ffffffffff\nCapEff:\t{mask}\n");
            assert_eq!(has_sys_time(&status), has_it, "{mask}");
        }
        assert!(!has_sys_time(""));
    }

    #[test]
    fn one_line_says_what_is_lacking_and_the_mend() {
        let cases: [(&[Part], Option<&str>); 4] = [
            (&[], None),
            (
                &[Part::Java, Part::Maven],
                Some("lacks java, mvn: `apt-get install -y openjdk-17-jre-headless maven`"),
            ),
            (
                &[Part::Setpriv, Part::Unshare],
                Some("lacks setpriv, unshare: `apt-get install -y util-linux`"),
            ),
            (
                &[Part::Root, Part::Systemd],
                Some(
                    "lacks the rights of root, systemd: `apt-get install -y systemd`; run it as root, which \
                     namespaces and users of its own need",
                ),
            ),
        ];
        for (missing, line) in cases {
            assert_eq!(lack(missing.iter().copied()).as_deref(), line);
        }
    }
}
