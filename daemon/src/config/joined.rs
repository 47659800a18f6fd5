//! The configuration that somebody wrote and the profiles made at run time, as one.

use super::{Config, RunTimeProfiles};
use bearerd_proto::ProfileName;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The part of a configuration that was made at run time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RunTime {
    /// All that were made; one whose name stands in the file is not in force.
    made: RunTimeProfiles,
    /// Those in force.
    names: BTreeSet<ProfileName>,
    /// Why what stands on disk can't be used.
    error: Option<String>,
    /// How often their file had been written when they were read.
    writes: u64,
}

impl Config {
    /// What somebody wrote here, and these profiles made at run time in place of those before: none of them takes the
    /// place of one that is written. `writes` says how often their file had been written when they were read.
    #[must_use]
    pub fn joined(&self, made: &RunTimeProfiles, writes: u64) -> Self {
        let mut joined = self.clone();
        for name in &self.run_time.names {
            joined.profiles.remove(name);
        }
        let mut names = BTreeSet::new();
        for (name, profile) in made.profiles() {
            if !joined.profiles.contains_key(name) {
                joined.profiles.insert(name.clone(), Arc::clone(profile));
                names.insert(name.clone());
            }
        }
        joined.run_time = RunTime { made: made.clone(), names, error: None, writes };
        joined
    }

    /// The same with the reason why what stands on disk can't be used.
    #[must_use]
    pub fn with_run_time_error(self, reason: String) -> Self {
        let run_time = RunTime { error: Some(reason), ..self.run_time };
        Self { run_time, ..self }
    }

    /// The profiles made at run time.
    pub fn run_time(&self) -> &RunTimeProfiles {
        &self.run_time.made
    }

    /// Why what stands on disk of them can't be used, where that is so: those in force are older ones, or none.
    pub fn run_time_error(&self) -> Option<&str> {
        self.run_time.error.as_deref()
    }

    /// How often their file had been written when they were read.
    pub fn run_time_writes(&self) -> u64 {
        self.run_time.writes
    }

    /// Whether the profile of that name was made at run time.
    pub fn is_run_time(&self, name: &ProfileName) -> bool {
        self.run_time.names.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("/nowhere/config.toml")).unwrap()
    }

    fn made(text: &str) -> RunTimeProfiles {
        let (file, config) =
            (Path::new("/nowhere/profiles.toml"), Path::new("/nowhere/config.toml"));
        RunTimeProfiles::parse(text, file, config).unwrap()
    }

    #[test]
    fn what_is_written_by_hand_has_its_name_and_the_others_come_and_go() {
        let hand = config("[profile.a]\nauth_type = 'none'\n");
        let both = made("[profile.a]\nauth_type = 'test_auth'\n[profile.b]\nauth_type = 'none'\n");
        let joined = hand.joined(&both, 2);
        let of = |config: &Config, name: &str| {
            let name = name.parse().unwrap();
            let auth_type =
                config.profiles().get(&name).map(|profile| profile.auth_type().as_str());
            (auth_type, config.is_run_time(&name))
        };
        assert_eq!(of(&joined, "a"), (Some("none"), false));
        assert_eq!(of(&joined, "b"), (Some("none"), true));
        let infos = joined.infos().profiles;
        assert_eq!([infos[0].run_time, infos[1].run_time], [false, true]);
        assert_eq!(joined.run_time_writes(), 2);

        let without = joined.joined(&RunTimeProfiles::default(), 0);
        assert_eq!(without, hand);
        let freed = config("").joined(&both, 0);
        assert_eq!(of(&freed, "a"), (Some("test_auth"), true));
    }

    #[test]
    fn a_single_profile_is_the_default_wherever_it_was_made() {
        let b = made("[profile.b]\nauth_type = 'none'\n");
        let only = config("").joined(&b, 0);
        assert_eq!(only.default_profile().unwrap().name().as_str(), "b");
        let two = config("[profile.a]\nauth_type = 'none'\n").joined(&b, 0);
        assert_eq!(two.default_profile(), None);
        let named =
            config("default_profile = 'a'\n[profile.a]\nauth_type = 'none'\n").joined(&b, 0);
        assert_eq!(named.default_profile().unwrap().name().as_str(), "a");
    }
}
