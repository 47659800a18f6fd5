//! Profiles added, changed and removed at run time: one change after the other, on disk before it is in force.

use crate::clock::Clock;
use crate::config::{Config, RunTimeProfiles};
use crate::registry::Registry;
use crate::store::ProfilesFile;
use crate::task::{Ask, chain};
use crate::tasks::Tasks;
use bearerd_proto::Revocation;
use bearerd_proto::{ErrorBody, ErrorCode, LoggedOut, ProfileInfo, ProfileName, ProfileSettings};
use bearerd_session::Answer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The way to the one who makes changes. A caller that goes away cancels none.
#[derive(Debug, Clone)]
pub struct Changes {
    line: mpsc::Sender<Change>,
    clock: Clock,
}

impl Changes {
    /// Starts the one who makes them, to `registry` and `file`.
    pub fn start(
        registry: Arc<Registry>,
        file: Arc<ProfilesFile>,
        tasks: &Tasks,
        clock: Clock,
    ) -> Self {
        let (line, changes) = mpsc::channel(QUEUE);
        let maker = Maker { registry, file, tasks: tasks.clone() };
        tasks.spawn_background("profile changes", maker.run(changes));
        Self { line, clock }
    }

    /// Adds the profile `name`, or changes it where it was made at run time.
    ///
    /// # Errors
    /// As PROTOCOL.md says of `PUT /v1/profiles/{name}`; then nothing has changed.
    pub async fn put(
        &self,
        name: ProfileName,
        settings: ProfileSettings,
    ) -> Result<ProfileInfo, ErrorBody> {
        let (sender, done) = oneshot::channel();
        self.ask(name.clone(), done, Change::Put { name, settings, sender }).await
    }

    /// Removes the profile `name`, which was made at run time, and its session.
    ///
    /// # Errors
    /// As PROTOCOL.md says of `DELETE /v1/profiles/{name}`; then nothing has changed.
    pub async fn remove(&self, name: ProfileName) -> Result<LoggedOut, ErrorBody> {
        let (sender, done) = oneshot::channel();
        self.ask(name.clone(), done, Change::Remove { name, sender }).await
    }

    async fn ask<T>(
        &self,
        name: ProfileName,
        done: oneshot::Receiver<Result<T, ErrorBody>>,
        change: Change,
    ) -> Result<T, ErrorBody> {
        let later = |code: ErrorCode, message: &str| {
            let body = ErrorBody::new(code, message).of(&name);
            ErrorBody { retry_after: Some(1), ..body }
        };
        self.line.try_send(change).map_err(|_full| {
            later(ErrorCode::Overloaded, "too many changes of profiles wait: try again")
        })?;
        let patience_ends = self.clock.boot() + PATIENCE;
        tokio::select! {
            biased;
            done = done => done.unwrap_or_else(|_ended| {
                let message = "bearerd is going down: try again on a new connection";
                Err(later(ErrorCode::ShuttingDown, message))
            }),
            () = self.clock.sleep_until(patience_ends) => {
                let message = "the disk of the state folder does not answer: the change is made as soon as it does";
                Err(ErrorBody::new(ErrorCode::Misconfigured, message).of(&name))
            }
        }
    }
}

/// Changes that may wait; more are `overloaded`.
const QUEUE: usize = 64;

/// Longer than a session waits for its revocation, shorter than a client for its answer.
const PATIENCE: Duration = Duration::from_secs(14);

/// What is asked for, and where its outcome goes.
#[derive(Debug)]
enum Change {
    Put {
        name: ProfileName,
        settings: ProfileSettings,
        sender: oneshot::Sender<Result<ProfileInfo, ErrorBody>>,
    },
    Remove {
        name: ProfileName,
        sender: oneshot::Sender<Result<LoggedOut, ErrorBody>>,
    },
}

/// The one who makes them.
struct Maker {
    registry: Arc<Registry>,
    file: Arc<ProfilesFile>,
    tasks: Tasks,
}

impl Maker {
    async fn run(self, mut changes: mpsc::Receiver<Change>) {
        while let Some(change) = changes.recv().await {
            match change {
                Change::Put { name, settings, sender } => {
                    let outcome = self.put(&name, settings).await;
                    told(&name, "added or changed", &outcome);
                    let _caller_is_gone = sender.send(outcome);
                }
                Change::Remove { name, sender } => {
                    let outcome = self.remove(&name).await;
                    told(&name, "removed", &outcome);
                    let _caller_is_gone = sender.send(outcome);
                }
            }
        }
        // Nobody can ask any more: the daemon ends.
        std::future::pending().await
    }

    async fn put(
        &self,
        name: &ProfileName,
        settings: ProfileSettings,
    ) -> Result<ProfileInfo, ErrorBody> {
        let config = self.config_to_change(name)?;
        let (file, wanted) = (Arc::clone(&self.file), name.clone());
        let made = self.on_disk(name, move || {
            let before = config.run_time();
            let made = before.with(&wanted, &settings, config.path());
            let made = made.map_err(|reason| (ErrorCode::BadRequest, reason))?;
            if made != *before {
                file.write(&made).map_err(|reason| (ErrorCode::Misconfigured, reason))?;
            }
            Ok(made)
        });
        let (config, _) = self.registry.change(name, &made.await?);
        match config.profiles().get(name).filter(|_| config.is_run_time(name)) {
            Some(profile) => Ok(config.info(profile)),
            // A reload has brought it meanwhile.
            None => Err(written_by_hand(name, &config)),
        }
    }

    async fn remove(&self, name: &ProfileName) -> Result<LoggedOut, ErrorBody> {
        let config = self.config_to_change(name)?;
        let Some(made) = config.run_time().without(name) else {
            return Err(match config.profile_for(Some(name)) {
                Err(missing) => missing.into(),
                Ok(_) => written_by_hand(name, &config),
            });
        };
        let file = Arc::clone(&self.file);
        let made = self.on_disk(name, move || {
            file.write(&made).map_err(|reason| (ErrorCode::Misconfigured, reason))?;
            Ok(made)
        });
        let (_, removed) = self.registry.change(name, &made.await?);
        let gone = |revocation, message| LoggedOut { profile: name.clone(), revocation, message };
        let Some(entry) = removed else { return Ok(gone(Revocation::Skipped, None)) };
        // It rests after that alone: who rests starts no request, and its refresh token is to be revoked.
        let answer = entry.ask(Ask::Logout { revoke: true }).await.map(|reply| reply.answer);
        self.registry.rest(name);
        Ok(match answer {
            Ok(Answer::LoggedOut { revocation, message }) => gone(revocation, message),
            Ok(Answer::Refused(body)) | Err(body) => gone(Revocation::Failed, Some(body.message)),
            Ok(_) => gone(Revocation::Failed, Some("the session gave no answer".to_owned())),
        })
    }

    /// What is in force, where `name` may be changed in it.
    fn config_to_change(&self, name: &ProfileName) -> Result<Arc<Config>, ErrorBody> {
        let served = self.registry.served();
        served.usable()?;
        let config = Arc::clone(&served.config);
        if let Some(reason) = config.run_time_error() {
            return Err(ErrorBody::new(ErrorCode::Misconfigured, reason).of(name));
        }
        if config.profiles().contains_key(name) && !config.is_run_time(name) {
            return Err(written_by_hand(name, &config));
        }
        Ok(config)
    }

    async fn on_disk(
        &self,
        name: &ProfileName,
        work: impl FnOnce() -> Result<RunTimeProfiles, (ErrorCode, String)> + Send + 'static,
    ) -> Result<RunTimeProfiles, ErrorBody> {
        let (code, message) = match self.tasks.spawn_blocking("profile change", work).await {
            Ok(Ok(made)) => return Ok(made),
            Ok(Err(refused)) => refused,
            Err(error) => (ErrorCode::Internal, chain(&error)),
        };
        Err(ErrorBody::new(code, message).of(name))
    }
}

fn told<T>(name: &ProfileName, what: &str, outcome: &Result<T, ErrorBody>) {
    match outcome {
        Ok(_) => tracing::info!(profile = %name, "profile {what} at run time"),
        Err(body) => {
            let code = body.code.as_str();
            tracing::warn!(profile = %name, code, "profile not {what}: {}", body.message);
        }
    }
}

fn written_by_hand(name: &ProfileName, config: &Config) -> ErrorBody {
    let message = format!(
        "profile `{name}` stands in `{}`: change it there, then reload bearerd (SIGHUP)",
        config.path().display()
    );
    ErrorBody::new(ErrorCode::BadRequest, message).of(name)
}
