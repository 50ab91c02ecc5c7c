//! Watching one thing in Consul: what it is now, and then each time that it is something else.

mod rules;
mod turns;

pub use rules::{Content, Next, Rules, Verdict};
pub use turns::Turns;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use self::turns::Member;
use super::answer::{Answer, Meta};
use super::call::Call;
use super::client::{AskError, Client, Wait};
use crate::rt::rng::Rng;

/// What a watch tells.
#[derive(Debug)]
pub enum News<T> {
    /// It is this now; nothing: there is no such thing.
    Is {
        /// What it is.
        what: Option<T>,
        /// What the headers say of it.
        meta: Meta,
        /// As it came.
        body: Bytes,
        /// It is empty, stood for half a minute, and is probably there and not shown: the token may not see it.
        hole: bool,
    },
    /// It is said to be gone, with an index that is also given to who may not see it. Nothing changes before that stood a while.
    Doubted,
    /// There is no answer, which changes nothing. Told once, until there is an answer again or another error.
    Trouble(AskError),
    /// Answers come again, and nothing has changed.
    Well,
}

/// One thing to be watched.
pub struct Watch<T> {
    call: Call<T>,
    /// Whether there is nothing in an answer.
    is_empty: fn(&T) -> bool,
    rules: Rules,
    hasher: RandomState,
    /// With whom it shares a connection, if it does.
    turns: Option<Member>,
    /// The error that was told last.
    trouble: Option<String>,
    doubted: bool,
}

impl<T> Watch<T> {
    /// A watch of what a call asks for.
    pub fn new(call: Call<T>, is_empty: fn(&T) -> bool, rng: Rng) -> Self {
        Self { call, is_empty, rules: Rules::new(rng), hasher: RandomState::new(), turns: None, trouble: None, doubted: false }
    }

    /// The same, which waits for news in turn with others.
    #[must_use]
    pub fn in_turn(self, turns: &Arc<Turns>) -> Self {
        Self { turns: Some(turns.join()), ..self }
    }

    /// Watches for ever, or until nobody listens any more: `tell` says so.
    pub async fn run(mut self, client: Arc<Client>, mut tell: impl FnMut(News<T>) -> bool) {
        loop {
            let news = self.once(&client).await;
            if news.is_some_and(|news| !tell(news)) {
                return;
            }
        }
    }

    /// The next question and its answer, if it is news.
    pub async fn once(&mut self, client: &Client) -> Option<News<T>> {
        let mut next = self.rules.question();
        sleep(next.pause).await;
        // Over one connection all wait at the same time.
        let turns = self.turns.as_ref().filter(|_| next.index.is_some() && !client.is_one_connection());
        let _turn = match turns {
            Some(turns) => turns.turn(&mut next.wait).await,
            None => None,
        };
        self.rules.sent(next, Instant::now());
        let wait = next.index.map_or(Wait::Not, |index| Wait::Index(index, next.wait));
        match self.asked(client, wait).await {
            Ok((answer, hash)) => self.answered(answer, hash),
            Err(error) => self.failed(error),
        }
    }

    /// An answer counts once it is whole and is what it should be.
    async fn asked(&self, client: &Client, wait: Wait) -> Result<(Answer<T>, u64), AskError> {
        let reply = client.reply(&self.call, wait).await?;
        let answer = self.call.read(&reply).map_err(|why| client.answered(&self.call, why))?;
        Ok((answer, self.hasher.hash_one((reply.status, &reply.body))))
    }

    fn answered(&mut self, Answer { meta, what, body }: Answer<T>, hash: u64) -> Option<News<T>> {
        let empty = what.as_ref().is_none_or(self.is_empty);
        let verdict = self.rules.answered(&meta, Content { hash, empty }, Instant::now());
        let was_in_trouble = self.trouble.take().is_some();
        let was_doubted = std::mem::replace(&mut self.doubted, verdict == Verdict::Doubted);
        match verdict {
            Verdict::Doubted => (!was_doubted).then_some(News::Doubted),
            Verdict::Same => (was_in_trouble || was_doubted).then_some(News::Well),
            Verdict::News | Verdict::NewsOfAHole => Some(News::Is { what, meta, body, hole: verdict == Verdict::NewsOfAHole }),
        }
    }

    fn failed(&mut self, error: AskError) -> Option<News<T>> {
        self.rules.failed(error.why().is_none_or(|why| why.is_passing()));
        let said = crate::rt::log::with_causes(&error);
        // The same for the tenth time is told once.
        let told = self.trouble.replace(said.clone());
        (told.as_ref() != Some(&said)).then_some(News::Trouble(error))
    }

    /// Whether the last question had an answer.
    pub const fn is_answered(&self) -> bool {
        self.trouble.is_none()
    }

    /// The index of what is believed; 0 is none.
    pub fn index(&self) -> u64 {
        self.rules.index()
    }
}
