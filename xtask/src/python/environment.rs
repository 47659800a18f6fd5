//! The Pythons of this machine, and virtual environments of them with what a file of requirements names.

use super::package;
use crate::failure::{Failure, While};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The versions that the package is for, oldest first.
const VERSIONS: [(u8, u8); 4] = [(3, 10), (3, 11), (3, 12), (3, 13)];

/// A Python that can make virtual environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    program: PathBuf,
    version: (u8, u8),
}

impl Interpreter {
    pub(super) fn version(&self) -> String {
        let (major, minor) = self.version;
        format!("{major}.{minor}")
    }
}

/// Whether there is one that will do.
pub(crate) fn has_python() -> bool {
    !found().is_empty()
}

/// The oldest and the newest here, or the only one.
pub(super) fn interpreters() -> Result<Vec<Interpreter>, Failure> {
    ends(found()).ok_or_else(|| {
        Failure::new(
            "there is no Python from 3.10 to 3.13 that can make virtual environments: \
             `apt-get install -y python3 python3-venv`",
        )
    })
}

fn ends(mut found: Vec<Interpreter>) -> Option<Vec<Interpreter>> {
    found.sort_by_key(|interpreter| interpreter.version);
    let newest = found.pop()?;
    let oldest = found.into_iter().next().filter(|oldest| oldest.version != newest.version);
    Some(oldest.into_iter().chain([newest]).collect())
}

fn found() -> Vec<Interpreter> {
    let mut candidates: Vec<PathBuf> =
        VERSIONS.iter().map(|(major, minor)| format!("python{major}.{minor}").into()).collect();
    candidates.push("python3".into());
    // Where pyenv keeps those that its shims don't give at the moment.
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME").map(PathBuf::from)?;
        Some(home.join(".pyenv"))
    });
    let versions = pyenv.and_then(|pyenv| fs::read_dir(pyenv.join("versions")).ok());
    let versions = versions.into_iter().flatten().flatten();
    candidates.extend(versions.map(|version| version.path().join("bin/python")));
    candidates.iter().filter_map(|program| asked(program)).collect()
}

/// What it says of itself: its own path, as a shim may give another one later.
fn asked(program: &Path) -> Option<Interpreter> {
    const QUESTION: &str = "import ensurepip, venv, sys; print(sys.version_info[0], sys.version_info[1], sys.executable)";
    let output = Command::new(program).args(["-c", QUESTION]).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let mut words = answer.trim_end().splitn(3, ' ');
    let version = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let program = PathBuf::from(words.next()?);
    VERSIONS.contains(&version).then_some(Interpreter { program, version })
}

/// A virtual environment, kept for the next run.
#[derive(Debug)]
pub(super) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// One of `interpreter` with what `client/python/requirements/NAME.txt` names.
    pub(super) fn with(interpreter: &Interpreter, name: &str) -> Result<Self, Failure> {
        let requirements = package().join("requirements");
        let file = requirements.join(format!("{name}.txt"));
        let cache = cache()?;
        let wanted = fingerprint(interpreter, &requirements)?;
        let folder = cache.join(format!("python-{}-{name}", interpreter.version()));
        fs::create_dir_all(&cache).while_doing(|| format!("make `{}`", cache.display()))?;
        let lock = cache.join("python.lock");
        let lock = File::create(&lock).while_doing(|| format!("make `{}`", lock.display()))?;
        flock(&lock, FlockOperation::LockExclusive)
            .while_doing(|| "wait for the cache".to_owned())?;
        let environment = Self { folder };
        let mark = environment.folder.join("whole");
        // What a run that was ended left behind has no mark.
        if fs::read_to_string(&mark).is_ok_and(|text| text == wanted) {
            return Ok(environment);
        }
        println!("making an environment of Python {} for {name}", interpreter.version());
        let mut venv = Command::new(&interpreter.program);
        super::demand(venv.args(["-m", "venv", "--clear"]).arg(&environment.folder))?;
        let mut pip = environment.module("pip");
        super::demand(pip.args(["install", "--quiet", "--requirement"]).arg(&file))?;
        fs::write(&mark, wanted).while_doing(|| format!("write `{}`", mark.display()))?;
        Ok(environment)
    }

    /// `python -m MODULE`, in the folder of the package, as no user's environment has it.
    pub(super) fn module(&self, module: &str) -> Command {
        let mut command = self.python();
        command.args(["-m", module]);
        command
    }

    pub(super) fn python(&self) -> Command {
        let mut command = Command::new(self.program("python"));
        command.current_dir(package()).env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        command
    }

    /// A console command of it.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }
}

/// Changes with what is asked for, and with the interpreter.
fn fingerprint(interpreter: &Interpreter, requirements: &Path) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    interpreter.program.hash(&mut hasher);
    let files = fs::read_dir(requirements)
        .while_doing(|| format!("read `{}`", requirements.display()))?
        .flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    files.sort();
    for file in files {
        let text = fs::read(&file).while_doing(|| format!("read `{}`", file.display()))?;
        text.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// As the tests know it: `$BEARERD_TEST_CACHE`, or `bearerd-tests` in the user's own cache.
fn cache() -> Result<PathBuf, Failure> {
    let folder = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    folder("BEARERD_TEST_CACHE")
        .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("bearerd-tests")))
        .or_else(|| folder("HOME").map(|home| home.join(".cache/bearerd-tests")))
        .ok_or_else(|| {
            Failure::new("there is no place for a cache: set BEARERD_TEST_CACHE or HOME")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpreter(minor: u8) -> Interpreter {
        Interpreter { program: format!("/python3.{minor}").into(), version: (3, minor) }
    }

    #[test]
    fn the_oldest_and_the_newest_are_taken() {
        let minors = |found: &[u8]| {
            let found = found.iter().map(|minor| interpreter(*minor)).collect();
            ends(found).map(|ends| ends.iter().map(|end| end.version.1).collect::<Vec<_>>())
        };
        assert_eq!(minors(&[11, 13, 10, 13, 12, 10]), Some(vec![10, 13]));
        assert_eq!(minors(&[11, 11]), Some(vec![11]));
        assert_eq!(minors(&[]), None);
    }

    #[test]
    fn what_is_no_python_is_none() {
        assert_eq!(asked(Path::new("/bin/true")), None);
        assert_eq!(asked(Path::new("/nowhere/python")), None);
    }
}
