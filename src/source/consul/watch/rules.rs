//! The rules of Consul's blocking queries, as a machine without a socket: when to ask next, from which index, and which answers
//! are news. Time and chance are arguments.

use std::time::Duration;

use tokio::time::Instant;

use crate::rt::rng::Rng;
use crate::source::consul::answer::Meta;

/// How long one question waits: this and up to as much again. Not longer, for after a snapshot was restored a question may wait for
/// nothing, and one that was given up occupies its connection in the agent until its time is over.
const WAIT: Duration = Duration::from_secs(30);
/// What is asked again and again because there is no index.
const POLL: Duration = Duration::from_secs(10);
/// So many answers may follow each other at once.
const BURST: u32 = 2;
/// The pause between answers that are news, when they come without end.
const NEWS: Duration = Duration::from_millis(50);
/// Pauses between answers that are none: the first, and the longest.
const IDLE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Pauses after errors: the first, and the longest.
const ERROR: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// The shortest pause after an error that no time mends, or that more questions make worse.
const SLOW: Duration = Duration::from_secs(5);
/// For how long an emptiness must stand that may be a want of rights.
const STANDS: Duration = Duration::from_secs(30);

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// After this pause.
    pub pause: Duration,
    /// Above which index an answer is awaited; none is at once.
    pub index: Option<u64>,
    /// For how long.
    pub wait: Duration,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// What is known already.
    Same,
    /// News.
    News,
    /// News, and probably not true: all is gone, and it may be that the token may not see it. It stood for half a minute.
    NewsOfAHole,
    /// All is gone, which is not believed yet, for the same reason.
    Doubted,
}

/// What an answer holds, as far as the rules look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Two answers with the same hash are the same.
    pub hash: u64,
    /// There is nothing in it.
    pub empty: bool,
}

/// The state of one watch.
#[derive(Debug)]
pub struct Rules {
    rng: Rng,
    /// The index that the next question waits above.
    index: Option<u64>,
    /// The last index that came.
    last: u64,
    /// What is believed, and whether it was all that there is.
    believed: Option<(Content, bool)>,
    /// The index that came with it, which no error forgets, and whether there was one since.
    believed_at: u64,
    erred: bool,
    /// Since when there is an emptiness that is not believed.
    doubted: Option<Instant>,
    /// When the last question was sent, and how long it waits.
    asked: Option<(Instant, Duration)>,
    /// Answers in a row that came at once: those that were news, and those that were not.
    hasty: u32,
    idle: u32,
    errors: u32,
    pause: Duration,
}

impl Rules {
    /// A watch of which nothing is known.
    pub fn new(rng: Rng) -> Self {
        let (index, last, believed, doubted, asked) = (None, 0, None, None, None);
        Self {
            rng,
            index,
            last,
            believed,
            believed_at: 0,
            erred: false,
            doubted,
            asked,
            hasty: 0,
            idle: 0,
            errors: 0,
            pause: Duration::ZERO,
        }
    }

    /// The next question. The first one of all, and of all after an error, has no index: only such an answer says whether the token
    /// may see what is asked for.
    pub fn question(&mut self) -> Next {
        Next { pause: self.pause, index: self.index, wait: WAIT + self.part_of(WAIT) }
    }

    /// The question is on its way.
    pub fn sent(&mut self, next: Next, now: Instant) {
        self.asked = Some((now, next.index.map_or(Duration::ZERO, |_| next.wait)));
    }

    /// What came is an answer.
    pub fn answered(&mut self, meta: &Meta, content: Content, now: Instant) -> Verdict {
        self.errors = 0;
        let forward = meta.index.is_some_and(|index| index > self.last);
        let verdict = self.judge(meta, content, now);
        self.pace(meta, verdict, forward, now);
        self.index = match meta.index {
            // Asked for again from the begin, as Consul wants it: a snapshot was restored, or something was taken away.
            Some(index) if index < self.last => None,
            // While it is doubted, waiting for a change would be waiting for the end of the doubt.
            _ if self.doubted.is_some() => None,
            // Zero is no index to wait above.
            Some(index) => Some(index.max(1)),
            None => None,
        };
        // Whether an index goes forward is asked of the one that was asked with.
        self.last = self.index.unwrap_or_default();
        verdict
    }

    /// What came is none: nothing of what is believed changes. `mends`: the next answer may be another one.
    pub fn failed(&mut self, mends: bool) {
        self.errors = self.errors.saturating_add(1);
        (self.index, self.last, self.hasty, self.idle) = (None, 0, 0, 0);
        self.erred = true;
        let pause = doubled(ERROR, self.errors - 1);
        let pause = if mends { pause } else { pause.max(SLOW) };
        // Many watches lose the same agent at the same time.
        self.pause = pause / 2 + self.part_of(pause);
    }

    /// Errors in a row.
    pub fn errors(&self) -> u32 {
        self.errors
    }

    /// The index of what is believed; 0 is none.
    pub fn index(&self) -> u64 {
        self.last
    }

    fn judge(&mut self, meta: &Meta, content: Content, now: Instant) -> Verdict {
        let had = self.believed.is_some_and(|(known, _)| !known.empty);
        let saw_all = self.believed.is_none_or(|(_, all)| all);
        // Who may not see is given index 1, or told that there is more than is shown; an agent that has just started may not have read
        // all that it knew, and answers with an index that was.
        let hole = meta.index.is_some_and(|index| index <= 1 || (self.erred && index < self.believed_at)) || (meta.filtered && saw_all);
        if content.empty && had && hole {
            let since = *self.doubted.get_or_insert(now);
            if now.duration_since(since) < STANDS {
                return Verdict::Doubted;
            }
        }
        let stood = self.doubted.take().is_some() && content.empty;
        (self.believed_at, self.erred) = (meta.index.unwrap_or_default(), false);
        let known = self.believed.replace((content, !meta.filtered));
        if known.is_some_and(|(known, _)| known == content) {
            Verdict::Same
        } else if stood {
            Verdict::NewsOfAHole
        } else {
            Verdict::News
        }
    }

    /// How soon the next question may follow.
    fn pace(&mut self, meta: &Meta, verdict: Verdict, forward: bool, now: Instant) {
        let early = self.asked.take().is_none_or(|(asked, wait)| wait.is_zero() || now.duration_since(asked) < wait / 2);
        if !early {
            (self.hasty, self.idle) = (0, 0);
        } else if verdict == Verdict::News || (forward && verdict == Verdict::Same) {
            // A new index is no news by itself, but it is what Consul woke for: news may be next.
            (self.hasty, self.idle) = (self.hasty.saturating_add(1), 0);
        } else {
            self.idle = self.idle.saturating_add(1);
        }
        let of_news = if self.hasty > BURST { NEWS } else { Duration::ZERO };
        let of_idle = if self.idle > BURST { doubled(IDLE, self.idle - BURST - 1) } else { Duration::ZERO };
        let of_none = if meta.index.is_none() { POLL } else { Duration::ZERO };
        self.pause = of_news.max(of_idle).max(of_none);
    }

    /// Up to a duration, by chance.
    fn part_of(&mut self, most: Duration) -> Duration {
        let most = u32::try_from(most.as_millis()).unwrap_or(u32::MAX);
        Duration::from_millis(self.rng.below(most).into())
    }
}

fn doubled((first, most): (Duration, Duration), times: u32) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(most)
}

#[cfg(test)]
mod tests;
