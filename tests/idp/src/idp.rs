//! The provider as a test holds it in its hand.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::calls::{self, Call, CallKind, Outcome};
use crate::device::{Decision, DeviceState};
use crate::faults::{Fault, Times};
use crate::gate::{Gate, When};
use crate::patience;
use crate::settings::Settings;
use crate::shared::Shared;

/// A running identity provider. It stops when this is dropped.
///
/// Every method but those that wait is a plain call, for tests with and without a runtime alike; a test without one
/// waits with [`block_on`](Self::block_on).
pub struct TestIdp {
    shared: Arc<Shared>,
    own_runtime: Option<Runtime>,
}

impl TestIdp {
    /// Starts on the runtime of the caller.
    ///
    /// # Panics
    /// Outside a runtime, or where the address cannot be listened on.
    pub fn start(settings: Settings) -> Self {
        Self::try_start(settings).expect("the test identity provider can listen")
    }

    /// The same; an address that is taken or not of this machine alone is an error.
    ///
    /// # Errors
    /// Where the address cannot be listened on, or is no loopback address.
    pub fn try_start(settings: Settings) -> io::Result<Self> {
        Ok(Self { shared: Shared::start(settings, Handle::current())?, own_runtime: None })
    }

    /// Starts on a runtime of its own, for tests that have none or that block their thread.
    ///
    /// # Panics
    /// Where the address cannot be listened on.
    pub fn start_blocking(settings: Settings) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let shared = Shared::start(settings, runtime.handle().clone());
        let shared = shared.expect("the test identity provider can listen");
        Self { shared, own_runtime: Some(runtime) }
    }

    /// Waits for a future of this provider in a test that has no runtime: `idp.block_on(gate.waiting(1))`.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.shared.runtime().block_on(future)
    }

    // ── Addresses ──

    /// `http://127.0.0.1:PORT`: a profile's `keycloak_addr`.
    pub fn base_url(&self) -> String {
        self.shared.base_url()
    }

    /// `{base_url}/auth/realms/master`: the issuer, for discovery.
    pub fn issuer(&self) -> String {
        format!("{}/auth/realms/master", self.base_url())
    }

    /// The token endpoint of realm `master`.
    pub fn token_endpoint(&self) -> String {
        self.endpoint("token")
    }

    /// The device authorization endpoint of realm `master`.
    pub fn device_endpoint(&self) -> String {
        self.endpoint("auth/device")
    }

    /// `revoke`, `token/introspect` or `userinfo` of realm `master`, where they are now.
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.shared.provider().endpoints(&self.base_url(), "master"))
    }

    /// Where the control API is: on its own port, which stays up through outages, if it has one.
    pub fn control_url(&self) -> String {
        self.shared.control_url()
    }

    // ── People ──

    /// Approves a device login as this user.
    ///
    /// # Panics
    /// Where no such code waits, or the user is unknown or disabled.
    pub fn approve(&self, user_code: &str, username: &str) {
        self.decide(Some(user_code), Decision::Approve(username.into()));
    }

    /// Denies a device login.
    ///
    /// # Panics
    /// Where no such code waits.
    pub fn deny(&self, user_code: &str) {
        self.decide(Some(user_code), Decision::Deny);
    }

    /// Approves the oldest device login that waits, or else the next to start; each call is good for one.
    ///
    /// # Panics
    /// Where the user is unknown or disabled.
    pub fn approve_next(&self, username: &str) {
        self.decide(None, Decision::Approve(username.into()));
    }

    /// Denies the oldest device login that waits, or else the next to start; each call is good for one.
    pub fn deny_next(&self) {
        self.decide(None, Decision::Deny);
    }

    /// Ends the time of a device login.
    ///
    /// # Panics
    /// Where no such code waits.
    pub fn expire(&self, user_code: &str) {
        let mut provider = self.shared.provider();
        let now = provider.now();
        provider.expire(user_code, now).expect("the device login can be expired");
    }

    /// The user codes of the device logins that wait for a decision, the oldest first.
    pub fn pending_user_codes(&self) -> Vec<String> {
        let provider = self.shared.provider();
        let now = provider.now().boot;
        let pending = provider
            .devices
            .iter()
            .filter(|login| login.state == DeviceState::Pending && now < login.expires_at);
        pending.map(|login| login.user_code.clone()).collect()
    }

    // ── Faults and gates ──

    /// Orders a fault for requests of this kind. Several for one kind strike one after the other.
    pub fn fault(&self, kind: CallKind, fault: Fault, times: Times) {
        self.shared.faults.order(kind, fault, times);
    }

    /// Answers the next polls with `slow_down`, however patient they are.
    pub fn slow_down_next(&self, polls: u32) {
        let fault = Fault::OauthError { status: 400, error: "slow_down".into() };
        self.fault(CallKind::DevicePoll, fault, Times::Next(polls));
    }

    /// Takes back what was ordered for this kind.
    pub fn clear_faults(&self, kind: CallKind) {
        self.shared.faults.clear(kind);
    }

    /// Takes back all faults.
    pub fn clear_all_faults(&self) {
        self.shared.faults.clear_all();
    }

    /// Holds requests of this kind until the gate is released or dropped.
    pub fn gate(&self, kind: CallKind, when: When) -> Gate {
        self.shared.gates.close(kind, when)
    }

    /// Holds requests of this kind before they are carried out.
    pub fn hold(&self, kind: CallKind) -> Gate {
        self.gate(kind, When::Before)
    }

    // ── Outages ──

    /// The port refuses connections from now on, and those that exist are closed. The state stays; requests that have
    /// arrived are still carried out, only their answers are lost.
    pub fn stop_listening(&self) {
        self.shared.stop_listening(None);
    }

    /// Listens again on the same port.
    ///
    /// # Panics
    /// Where the port cannot be listened on; it was kept, so that means a lack of file descriptors.
    pub fn start_listening(&self) {
        self.shared.start_listening().expect("the port was kept");
    }

    /// Connections and requests are accepted and never answered, or, with `false`, answered again; then the connections
    /// of those that were left without an answer are closed.
    pub fn set_silent(&self, silent: bool) {
        let was_silent = self.shared.silent.swap(silent, Ordering::SeqCst);
        if was_silent && !silent {
            self.shared.cut_connections(None);
        }
    }

    // ── Calls ──

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.all()
    }

    /// Every call of one kind so far, in the order of arrival.
    pub fn calls_of(&self, kind: CallKind) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.kind == kind);
        calls
    }

    /// How many requests of this kind have arrived.
    pub fn count(&self, kind: CallKind) -> usize {
        self.shared.calls.count(kind)
    }

    /// How many requests have arrived, by kind; a kind without any is not in it.
    pub fn counts(&self) -> BTreeMap<CallKind, usize> {
        self.shared.calls.counts()
    }

    /// How many refreshes have arrived, whatever became of them.
    pub fn refreshes_sent(&self) -> usize {
        self.count(CallKind::Refresh)
    }

    /// Pairs of refreshes of one session that were under way at once, in the order of arrival: two uses of one refresh
    /// token. There must be none, whatever the callers do.
    pub fn overlapping_refreshes(&self) -> Vec<(Call, Call)> {
        calls::overlapping(&self.calls())
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.shared.calls.clear();
    }

    /// Waits until `count` requests of this kind have arrived.
    ///
    /// # Panics
    /// Where that has not come true within 30 seconds.
    pub async fn arrived(&self, kind: CallKind, count: usize) {
        self.calls_until(|calls| calls.iter().filter(|call| call.kind == kind).count() >= count)
            .await;
    }

    /// Waits until `count` requests of this kind have come to their end, whichever.
    ///
    /// # Panics
    /// Where that has not come true within 30 seconds.
    pub async fn ended(&self, kind: CallKind, count: usize) {
        let ended = |call: &&Call| call.kind == kind && call.outcome != Outcome::Pending;
        self.calls_until(|calls| calls.iter().filter(ended).count() >= count).await;
    }

    /// Waits until the call log meets a condition.
    ///
    /// # Panics
    /// Where that has not come true within 30 seconds.
    pub async fn calls_until(&self, condition: impl Fn(&[Call]) -> bool) {
        let met = self.shared.calls.until(condition);
        patience::within(met, || format!("a condition on the calls: {:?}", self.counts())).await;
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn decide(&self, user_code: Option<&str>, decision: Decision) {
        let mut provider = self.shared.provider();
        let now = provider.now();
        let result = match user_code {
            Some(_) => provider.decide(user_code, decision, now),
            None => provider.decide_next(decision, now),
        };
        drop(provider);
        result.expect("the device login can be decided");
    }
}

impl Drop for TestIdp {
    fn drop(&mut self) {
        self.shared.shut_down();
        if let Some(runtime) = self.own_runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for TestIdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIdp").field("base_url", &self.base_url()).finish_non_exhaustive()
    }
}
