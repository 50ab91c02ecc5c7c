//! What a watch does with what real Consuls were seen to answer.

use super::*;

struct World {
    rules: Rules,
    now: Instant,
}

impl World {
    fn new() -> Self {
        Self { rules: Rules::new(Rng::seeded(1)), now: Instant::now() }
    }

    /// Asks; the answer comes after a while.
    fn asked(&mut self, takes: Duration, index: Option<u64>, content: Content) -> (Next, Verdict) {
        self.filtered(takes, index, content, false)
    }

    fn filtered(&mut self, takes: Duration, index: Option<u64>, content: Content, filtered: bool) -> (Next, Verdict) {
        let next = self.rules.question();
        self.now += next.pause;
        self.rules.sent(next, self.now);
        self.now += takes;
        let verdict = self.rules.answered(&Meta { index, filtered, ..Meta::default() }, content, self.now);
        (next, verdict)
    }
}

const fn some(hash: u64) -> Content {
    Content { hash, empty: false }
}

const NONE: Content = Content { hash: 0, empty: true };
const SOON: Duration = Duration::from_millis(2);
const LATE: Duration = Duration::from_secs(45);

#[test]
fn the_first_question_has_no_index_and_those_that_follow_wait_above_the_last_one() {
    let mut world = World::new();
    let (first, verdict) = world.asked(SOON, Some(7), some(1));
    assert_eq!((first.index, first.pause, verdict), (None, Duration::ZERO, Verdict::News));
    let (second, verdict) = world.asked(LATE, Some(9), some(2));
    assert_eq!((second.index, verdict), (Some(7), Verdict::News));
    for _ in 0..100 {
        let next = world.rules.question();
        assert_eq!((next.index, next.pause), (Some(9), Duration::ZERO));
        assert!((Duration::from_secs(30)..Duration::from_secs(60)).contains(&next.wait), "{next:?}");
    }
}

#[test]
fn a_higher_index_with_the_same_body_is_no_news_and_costs_no_pause() {
    let mut world = World::new();
    world.asked(SOON, Some(7), some(1));
    for index in 8..20 {
        let (next, verdict) = world.asked(SOON, Some(index), some(1));
        assert_eq!(verdict, Verdict::Same);
        assert!(next.pause <= NEWS, "{next:?}");
    }
}

#[test]
fn an_index_that_goes_back_is_forgotten() {
    let mut world = World::new();
    world.asked(SOON, Some(249), some(1));
    assert_eq!(world.asked(LATE, Some(156), some(2)).1, Verdict::News);
    let (next, verdict) = world.asked(SOON, Some(156), some(2));
    assert_eq!((next.index, verdict), (None, Verdict::Same));
    assert_eq!(world.rules.question().index, Some(156));
}

#[test]
fn zero_is_no_index_to_wait_above_and_without_one_it_is_asked_now_and_then() {
    let mut world = World::new();
    world.asked(SOON, Some(0), some(1));
    assert_eq!(world.rules.question().index, Some(1));
    let mut world = World::new();
    world.asked(SOON, None, some(1));
    let next = world.rules.question();
    assert_eq!((next.index, next.pause), (None, POLL));
}

#[test]
fn answers_that_come_at_once_and_say_nothing_are_asked_for_ever_more_seldom() {
    let mut world = World::new();
    let start = world.now;
    let asked = (0..).take_while(|_| {
        world.asked(SOON, Some(1), NONE);
        world.now.duration_since(start) < Duration::from_secs(60)
    });
    let asked = asked.count();
    assert!((10..30).contains(&asked), "{asked} questions in a minute");
    // A question that waited as it should ends that.
    world.asked(LATE, Some(1), NONE);
    assert_eq!(world.rules.question().pause, Duration::ZERO);
}

#[test]
fn news_without_end_are_followed_at_a_pace() {
    let mut world = World::new();
    let start = world.now;
    for n in 1..=101 {
        assert_eq!(world.asked(SOON, Some(n + 1), some(n)).1, Verdict::News);
    }
    let took = world.now.duration_since(start);
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
}

#[test]
fn errors_change_nothing_and_pauses_grow_and_differ() {
    let mut world = World::new();
    world.asked(SOON, Some(7), some(1));
    let mut pauses = Vec::new();
    for _ in 0..12 {
        world.rules.failed(true);
        let next = world.rules.question();
        assert_eq!(next.index, None);
        pauses.push(next.pause);
    }
    assert!(pauses[0] < Duration::from_millis(151) && pauses[11] >= Duration::from_secs(5), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(15)), "{pauses:?}");
    pauses.dedup();
    assert_eq!(pauses.len(), 12);
    let (next, verdict) = world.asked(SOON, Some(7), some(1));
    assert_eq!((next.index, verdict, world.rules.errors()), (None, Verdict::Same, 0));
    world.rules.failed(false);
    assert!(world.rules.question().pause >= SLOW / 2);
}

#[test]
fn an_emptiness_is_believed_at_once_when_the_index_went_forward() {
    let mut world = World::new();
    world.asked(SOON, Some(7), some(1));
    assert_eq!(world.asked(LATE, Some(8), NONE).1, Verdict::News);
    // After a restored snapshot the answer stands that is given without an index.
    let mut world = World::new();
    world.asked(SOON, Some(249), some(1));
    assert_eq!(world.asked(LATE, Some(156), NONE).1, Verdict::News);
}

#[test]
fn an_emptiness_with_index_one_is_believed_after_half_a_minute_and_called_a_hole() {
    let mut world = World::new();
    world.asked(SOON, Some(7), some(1));
    let (start, mut asked) = (world.now, 0);
    let stood = loop {
        match world.asked(SOON, Some(1), NONE).1 {
            Verdict::Doubted => asked += 1,
            Verdict::NewsOfAHole => break world.now.duration_since(start),
            other => panic!("{other:?}"),
        }
    };
    assert!((Duration::from_secs(30)..Duration::from_secs(40)).contains(&stood), "{stood:?}");
    assert!(asked < 20, "{asked} questions");
    assert_eq!(world.asked(SOON, Some(1), NONE).1, Verdict::Same);
}

#[test]
fn an_emptiness_that_passes_is_never_believed() {
    let mut world = World::new();
    world.asked(SOON, Some(7), some(1));
    assert_eq!(world.asked(LATE, Some(1), NONE).1, Verdict::Doubted);
    assert_eq!(world.asked(SOON, Some(7), some(1)).1, Verdict::Same);
    // The next one begins anew.
    world.now += Duration::from_secs(300);
    assert_eq!(world.asked(SOON, Some(1), NONE).1, Verdict::Doubted);
}

#[test]
fn an_emptiness_is_doubted_when_the_token_sees_less_than_before() {
    let mut world = World::new();
    world.asked(SOON, Some(7), some(1));
    assert_eq!(world.filtered(LATE, Some(8), NONE, true).1, Verdict::Doubted);
    // A token that never saw all, on the other hand, saw the last of what it sees go.
    let mut world = World::new();
    world.filtered(SOON, Some(7), some(1), true);
    assert_eq!(world.filtered(LATE, Some(8), NONE, true).1, Verdict::News);
}

#[test]
fn what_was_never_there_may_be_empty() {
    let mut world = World::new();
    assert_eq!(world.asked(SOON, Some(1), NONE).1, Verdict::News);
}

#[test]
fn an_agent_that_has_just_started_and_has_not_read_all_yet_empties_nothing() {
    let mut rules = Rules::new(Rng::seeded(1));
    let now = Instant::now();
    let at = |index| Meta { index: Some(index), ..Meta::default() };
    let (full, empty) = (Content { hash: 1, empty: false }, Content { hash: 2, empty: true });
    assert_eq!(rules.answered(&at(15), full, now), Verdict::News);
    rules.failed(true);
    assert_eq!(rules.answered(&at(11), empty, now), Verdict::Doubted);
    assert_eq!(rules.answered(&at(15), full, now), Verdict::Same);
    assert_eq!(rules.answered(&at(16), empty, now), Verdict::News);
}
