//! Callers that wait for an answer, by the number under which the session knows them.

use super::Reply;
use bearerd_session::WaiterId;
use std::collections::HashMap;
use tokio::sync::oneshot;

/// Waiters are looked through for callers that have gone when there are twice as many as the last time, and more.
const LOOK_FROM: usize = 256;

#[derive(Debug)]
pub(super) struct Waiters {
    senders: HashMap<WaiterId, oneshot::Sender<Reply>>,
    next: u64,
    look_at: usize,
}

impl Waiters {
    pub(super) fn new() -> Self {
        Self { senders: HashMap::new(), next: 0, look_at: LOOK_FROM }
    }

    /// Gives a caller a number.
    pub(super) fn add(&mut self, sender: oneshot::Sender<Reply>) -> WaiterId {
        let waiter = WaiterId(self.next);
        self.next += 1;
        self.senders.insert(waiter, sender);
        waiter
    }

    pub(super) fn answer(&mut self, waiter: WaiterId, reply: Reply) {
        if let Some(sender) = self.senders.remove(&waiter) {
            let _caller_is_gone = sender.send(reply);
        }
    }

    /// Callers that have gone, forgotten by this. They cancel nothing, but many of them should not be remembered.
    pub(super) fn gone(&mut self) -> Vec<WaiterId> {
        if self.senders.len() < self.look_at {
            return Vec::new();
        }
        let gone = self.senders.extract_if(|_, sender| sender.is_closed());
        let gone = gone.map(|(waiter, _)| waiter).collect();
        self.look_at = LOOK_FROM.max(2 * self.senders.len());
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearerd_session::Answer;

    #[test]
    fn callers_that_have_gone_are_forgotten_and_the_others_answered() {
        let mut waiters = Waiters::new();
        let mut staying = Vec::new();
        let mut forgotten = 0;
        for number in 0..50_000 {
            forgotten += waiters.gone().len();
            let (sender, receiver) = oneshot::channel();
            let waiter = waiters.add(sender);
            if number % 500 == 0 {
                staying.push((waiter, receiver));
            }
        }
        let most = LOOK_FROM + 2 * staying.len();
        assert!(waiters.senders.len() <= most, "{} are remembered", waiters.senders.len());
        assert_eq!(forgotten + waiters.senders.len(), 50_000);
        for (waiter, mut receiver) in staying {
            waiters.answer(waiter, Reply { answer: Answer::Cancelled, snapshot: None });
            assert!(receiver.try_recv().is_ok(), "who stays is answered");
        }
    }
}
