//! An IdP in the process: each request comes to the test, which answers it when it likes.

use super::soon;
use bearerd::config::{Auth, Profile};
use bearerd::fetch::{Fetch, FetcherError, Fetchers, TokenFetcher};
use bearerd::tasks::Tasks;
use bearerd_proto::{ProfileName, Secret};
use bearerd_session::{Cause, DeviceAuthorization, Failure, Granted, OAuthError, Outcome, Request};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The IdP of each profile, by the profile's name: a reload keeps it.
#[derive(Debug, Default)]
pub(crate) struct Idps(Mutex<BTreeMap<ProfileName, Arc<Idp>>>, AtomicUsize);

impl Idps {
    pub(crate) fn of(&self, name: &ProfileName) -> Arc<Idp> {
        let mut idps = self.0.lock().unwrap();
        Arc::clone(idps.entry(name.clone()).or_insert_with(|| Arc::new(Idp::new(name.clone()))))
    }

    /// How often the files that a configuration names were to be read anew.
    pub(crate) fn read_again(&self) -> usize {
        self.1.load(Ordering::Relaxed)
    }
}

impl Fetchers for Idps {
    fn fetcher_for(&self, profile: &Profile) -> Result<Arc<dyn TokenFetcher>, FetcherError> {
        match profile.auth() {
            Auth::Sso(_) => Ok(self.of(profile.name())),
            _ => Err(FetcherError::NothingToFetch { auth_type: profile.auth_type() }),
        }
    }

    fn read_again(&self) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

/// The IdP of one profile.
#[derive(Debug)]
pub(crate) struct Idp {
    profile: ProfileName,
    requests: AtomicUsize,
    granted: Arc<AtomicUsize>,
    sender: mpsc::UnboundedSender<Call>,
    calls: tokio::sync::Mutex<mpsc::UnboundedReceiver<Call>>,
}

impl Idp {
    fn new(profile: ProfileName) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let (requests, granted) = (AtomicUsize::new(0), Arc::default());
        Self { profile, requests, granted, sender, calls: tokio::sync::Mutex::new(calls) }
    }

    /// The next request. The clock goes on until it comes, as everybody waits.
    pub(crate) async fn call(&self) -> Call {
        let next = async { self.calls.lock().await.recv().await.unwrap() };
        soon("a request to the IdP", next).await
    }

    /// Requests that were sent, answered or not.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Answers every refresh from now on with a token that lives `lifetime`, after `latency`.
    pub(crate) fn serve(self: &Arc<Self>, tasks: &Tasks, lifetime: Duration, latency: Duration) {
        let idp = Arc::clone(self);
        tasks.spawn_background("idp", async move {
            while let Some(call) = idp.calls.lock().await.recv().await {
                tokio::time::sleep(latency).await;
                call.grant(lifetime);
            }
        });
    }

    /// Answers every request from now on with "later".
    pub(crate) fn refuse(self: &Arc<Self>, tasks: &Tasks) {
        let idp = Arc::clone(self);
        tasks.spawn_background("idp", async move {
            while let Some(call) = idp.calls.lock().await.recv().await {
                call.fail(Cause::Later);
            }
        });
    }
}

impl TokenFetcher for Idp {
    fn fetch(&self, request: Request) -> Fetch<'_> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (answer, answered) = oneshot::channel();
        let (profile, granted) = (self.profile.clone(), Arc::clone(&self.granted));
        let _the_test_has_ended = self.sender.send(Call { request, profile, granted, answer });
        Box::pin(async move {
            match answered.await {
                Ok(outcome) => outcome,
                Err(_the_test_has_ended) => std::future::pending().await,
            }
        })
    }
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) request: Request,
    profile: ProfileName,
    granted: Arc<AtomicUsize>,
    answer: oneshot::Sender<Outcome>,
}

impl Call {
    /// The refresh token that it carries.
    pub(crate) fn refresh_token(&self) -> &str {
        match &self.request {
            Request::Refresh { refresh_token, .. } | Request::Revoke { refresh_token } => {
                refresh_token.expose()
            }
            other => panic!("no refresh token in {other:?}"),
        }
    }

    /// The next access token (`NAME-access-1`, `-2`, …), which lives so long, and the next refresh token.
    pub(crate) fn grant(self, lifetime: Duration) {
        self.grant_until(lifetime, None);
    }

    /// The same with an end of the refresh token.
    pub(crate) fn grant_until(self, lifetime: Duration, refresh_lifetime: Option<Duration>) {
        let number = self.granted.fetch_add(1, Ordering::SeqCst) + 1;
        let name = &self.profile;
        let granted = Granted {
            access_token: Secret::new(format!("{name}-access-{number}")),
            lifetime: Some(lifetime),
            refresh_token: Some(Secret::new(format!("{name}-refresh-{number}"))),
            refresh_lifetime,
            refresh_in: None,
            scope: None,
            user_id: Some(format!("{name}-user")),
            user_email: Some("jane@ex.co".to_owned()),
            idp_session: None,
            idp_time: None,
        };
        self.answer(Outcome::Granted(Box::new(granted)));
    }

    /// A device login, for ten minutes, polled every 5 s.
    pub(crate) fn start_device(self) {
        assert!(matches!(self.request, Request::DeviceStart), "{:?}", self.request);
        self.answer(Outcome::Device(DeviceAuthorization {
            device_code: Secret::new("device-code"),
            user_code: "WDJB-MJHT".to_owned(),
            verification_uri: "https://idp.test/device".to_owned(),
            verification_uri_complete: None,
            lifetime: Duration::from_secs(600),
            code_verifier: None,
            interval: Duration::from_secs(5),
        }));
    }

    /// The refresh token is taken back.
    pub(crate) fn revoked(self) {
        assert!(matches!(self.request, Request::Revoke { .. }), "{:?}", self.request);
        self.answer(Outcome::Revoked);
    }

    /// The person has not confirmed yet.
    pub(crate) fn pending(self) {
        assert!(matches!(self.request, Request::DevicePoll { .. }), "{:?}", self.request);
        self.fail(Cause::OAuth(OAuthError::AuthorizationPending));
    }

    pub(crate) fn fail(self, cause: Cause) {
        let message = "as the test says".to_owned();
        self.answer(Outcome::Failed(Failure { cause, message, retry_after: None }));
    }

    fn answer(self, outcome: Outcome) {
        self.answer.send(outcome).expect("nobody waits for the IdP's answer");
    }
}
