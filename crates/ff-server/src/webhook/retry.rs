//! When a failed delivery is tried again, and when it is given up. ADR 15 says why it is like this.
//!
//! Events of a webhook are delivered in order, so one that fails holds up those behind it. It is tried by a schedule that ends after 24
//! hours, and then parked. From then until the next success the webhook counts as failing: whatever is next is tried once in each of the
//! schedule's last intervals, and events are parked when they are as old as the schedule is long. So a target that is away for a day
//! finds the last 24 hours when it comes back, and one that never comes back costs a few attempts a day, until the webhook is turned off.
//!
//! Only a run of failures counts: attempts that followed one another because something waited. After a pause with nothing to tell, an event
//! has its whole schedule whatever was before, and the webhook is turned off by no event that was not given up.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ff_core::Timestamp;
use ff_store::DisabledReason;
use ff_store::webhook::Progress;

/// When attempts are made after the first one that failed, counted from that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

/// The longest `Retry-After` that is waited for: a target must not be able to stop the clock.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// How far an attempt may be moved from its instant, as a part of the wait: so that targets which failed together are not asked together.
const JITTER: f64 = 0.1;

/// The most attempts that a schedule may have.
const ATTEMPTS_MAX: usize = 50;

impl Default for Schedule {
    /// 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: the schedule that the specification of Standard Webhooks recommends.
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let seconds = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
        Self(seconds.map(Duration::from_secs).into())
    }
}

impl FromStr for Schedule {
    type Err = String;

    /// Rising numbers of milliseconds, with commas between.
    fn from_str(text: &str) -> Result<Self, String> {
        let instants: Result<Vec<u64>, _> = text.split(',').map(|part| part.trim().parse()).collect();
        let instants = instants.map_err(|_| "expected numbers of milliseconds with commas between".to_owned())?;
        if instants.len() > ATTEMPTS_MAX || instants.first() == Some(&0) || !instants.is_sorted_by(|a, b| a < b) {
            return Err(format!("expected 1 to {ATTEMPTS_MAX} rising numbers of milliseconds, the first above 0"));
        }
        Ok(Self(instants.into_iter().map(Duration::from_millis).collect()))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.0.iter().map(|instant| instant.as_millis().to_string()).collect();
        f.write_str(&all.join(","))
    }
}

/// What becomes of an event whose attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is tried again, when [`Progress::next_attempt_at`] says.
    Pending,
    /// It is given up.
    Parked,
    /// It is given up, and so is the webhook.
    Off(DisabledReason),
}

/// A failed attempt.
#[derive(Debug, Clone, Copy)]
pub struct Failure {
    /// When it ended.
    pub at: Timestamp,
    /// When the change happened that it tells of.
    pub event_at: Timestamp,
    /// Whether the target says that it will never be there again.
    pub is_gone: bool,
    /// How long the target asks to be left alone.
    pub retry_after: Option<Duration>,
    /// From 0 to 1, at random.
    pub dice: f64,
}

/// How delivery goes on after failures.
#[derive(Debug, Clone)]
pub struct Retry {
    /// When an event is tried again.
    pub schedule: Schedule,
    /// A webhook whose attempts have failed for so long without a pause is turned off when the next event is given up.
    pub disable_after: Duration,
}

impl Retry {
    /// Notes a success.
    pub fn succeeded(progress: &mut Progress) {
        *progress = Progress::starting_at(progress.cursor);
    }

    /// Notes a failed attempt of the event after the cursor.
    pub fn failed(&self, progress: &mut Progress, failure: &Failure) -> Fate {
        let Failure { at, event_at, .. } = *failure;
        if progress.attempts == 0 && !has_waited(progress, event_at) {
            Self::succeeded(progress);
        }
        let attempt = progress.attempts as usize;
        progress.attempts = progress.attempts.saturating_add(1);
        let first = *progress.first_attempt_at.get_or_insert(at);
        let failing_since = *progress.failing_since.get_or_insert(at);
        if failure.is_gone {
            return Fate::Off(DisabledReason::Gone);
        }
        if progress.has_parked {
            progress.next_attempt_at = Some(self.at_after(failure, self.last_interval()));
            if !self.is_too_old(event_at, at) {
                return Fate::Pending;
            }
        } else if let Some(instant) = self.schedule.0.get(attempt) {
            // Attempts that somebody brought forward, or that came late, are not followed by others at once.
            let wait = instant.saturating_sub(since(first, at)).max(self.first_interval());
            progress.next_attempt_at = Some(self.at_after(failure, wait));
            return Fate::Pending;
        } else {
            progress.has_parked = true;
            // Whether the target is away, or only this event cannot be delivered, is seen at the next one: as soon as the target lets us.
            progress.next_attempt_at = Some(self.at_after(failure, Duration::ZERO));
        }
        if since(failing_since, at) >= self.disable_after { Fate::Off(DisabledReason::Failing) } else { Fate::Parked }
    }

    /// Notes that the event after the cursor was given up, and the next one is up.
    pub fn next_event(progress: &mut Progress) {
        progress.attempts = 0;
        progress.first_attempt_at = None;
    }

    /// Whether an event of a failing webhook is given up.
    pub fn is_too_old(&self, event_at: Timestamp, now: Timestamp) -> bool {
        since(event_at, now) >= self.schedule.0.last().copied().unwrap_or_default()
    }

    fn first_interval(&self) -> Duration {
        self.schedule.0.first().copied().unwrap_or_default()
    }

    fn last_interval(&self) -> Duration {
        match self.schedule.0.as_slice() {
            [.., before, last] => last.saturating_sub(*before),
            [only] => *only,
            [] => Duration::ZERO,
        }
    }

    fn at_after(&self, failure: &Failure, wait: Duration) -> Timestamp {
        let wait = wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * failure.dice.clamp(0.0, 1.0));
        let asked = failure.retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        later(failure.at, wait.max(asked))
    }
}

/// Whether the event after the cursor was there when the webhook could have been tried again: then nothing but the wait lies between its first
/// attempt and the one before. Otherwise there was nothing to tell for a while, and nobody knows how the target was.
fn has_waited(progress: &Progress, event_at: Timestamp) -> bool {
    progress.next_attempt_at.is_some_and(|free_at| event_at < free_at)
}

/// This long after that.
pub fn later(at: Timestamp, wait: Duration) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
}

/// How long after `then` it is at `now`; nothing, if it is before.
pub fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(now.as_millis().saturating_sub(then.as_millis())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ff_store::Revision;

    use super::*;

    const SECOND: i64 = 1_000;
    const HOUR: i64 = 3_600 * SECOND;

    fn retry() -> Retry {
        Retry { schedule: Schedule::default(), disable_after: Duration::from_secs(5 * 86_400) }
    }

    fn fresh() -> Progress {
        Progress::starting_at(Revision::new(7))
    }

    /// Fails at each instant at which it is tried, from 0 on, with an event of that moment, until it is not pending any more.
    fn fail_on(progress: &mut Progress, dice: f64) -> (Vec<i64>, Fate) {
        let mut tried = vec![0];
        loop {
            let at = Timestamp::from_millis(*tried.last().unwrap());
            let failure = Failure { at, event_at: Timestamp::EPOCH, is_gone: false, retry_after: None, dice };
            match retry().failed(progress, &failure) {
                Fate::Pending => tried.push(progress.next_attempt_at.unwrap().as_millis()),
                fate => return (tried, fate),
            }
        }
    }

    #[test]
    fn an_event_is_tried_by_the_published_schedule_and_parked_after_a_day() {
        let mut progress = fresh();
        let (tried, fate) = fail_on(&mut progress, 0.5);
        let expected: Vec<i64> = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map(|seconds| seconds * SECOND).into();
        assert_eq!((tried, fate), (expected, Fate::Parked));
        assert!(progress.has_parked, "{progress:?}");
        assert_eq!(progress.next_attempt_at, Some(Timestamp::from_millis(24 * HOUR)), "the next event is tried at once");
        assert_eq!(progress.failing_since, Some(Timestamp::EPOCH));
    }

    #[test]
    fn jitter_moves_an_attempt_by_a_tenth_of_the_wait_at_most() {
        for (dice, first) in [(0.0, 4_500), (0.5, 5_000), (1.0, 5_500)] {
            let (tried, _) = fail_on(&mut fresh(), dice);
            assert_eq!(tried[1], first);
            assert!(tried.is_sorted() && (tried[9] - 24 * HOUR).abs() <= HOUR, "{tried:?}");
        }
    }

    #[test]
    fn a_target_may_ask_for_more_time_within_a_bound() {
        let ask = |retry_after: u64| {
            let mut progress = fresh();
            let retry_after = Some(Duration::from_secs(retry_after));
            let failure = Failure { at: Timestamp::EPOCH, event_at: Timestamp::EPOCH, is_gone: false, retry_after, dice: 0.5 };
            assert_eq!(retry().failed(&mut progress, &failure), Fate::Pending);
            progress.next_attempt_at.unwrap().as_millis()
        };
        assert_eq!(ask(1), 5 * SECOND, "not sooner than the schedule");
        assert_eq!(ask(120), 120 * SECOND);
        assert_eq!(ask(1_000_000), HOUR, "and not for ever");
        let mut progress =
            Progress { attempts: 9, first_attempt_at: Some(Timestamp::EPOCH), failing_since: Some(Timestamp::EPOCH), ..fresh() };
        let at = Timestamp::from_millis(24 * HOUR);
        let failure = Failure { at, event_at: at, is_gone: false, retry_after: Some(Duration::from_secs(60)), dice: 0.5 };
        assert_eq!(retry().failed(&mut progress, &failure), Fate::Parked);
        assert_eq!(progress.next_attempt_at, Some(later(at, Duration::from_secs(60))), "nor does the next event come sooner");
    }

    #[test]
    fn a_failing_webhook_is_tried_now_and_then_and_keeps_what_is_younger_than_a_day() {
        let mut progress = fresh();
        fail_on(&mut progress, 0.5);
        Retry::next_event(&mut progress);
        let at = Timestamp::from_millis(24 * HOUR);
        let fail = |progress: &mut Progress, age: i64| {
            let event_at = Timestamp::from_millis(at.as_millis() - age);
            retry().failed(progress, &Failure { at, event_at, is_gone: false, retry_after: None, dice: 0.5 })
        };
        assert_eq!(fail(&mut progress, 23 * HOUR), Fate::Pending);
        assert_eq!(progress.next_attempt_at, Some(Timestamp::from_millis(28 * HOUR)), "the schedule's last interval");
        assert_eq!(fail(&mut progress, 24 * HOUR), Fate::Parked);
        Retry::succeeded(&mut progress);
        assert_eq!(progress, fresh());
        assert_eq!(fail(&mut progress, 24 * HOUR), Fate::Pending, "after a success each event has the whole schedule again");
    }

    #[test]
    fn a_webhook_is_turned_off_by_410_at_once_and_by_days_of_failure() {
        let failure = Failure { at: Timestamp::EPOCH, event_at: Timestamp::EPOCH, is_gone: true, retry_after: None, dice: 0.5 };
        assert_eq!(retry().failed(&mut fresh(), &failure), Fate::Off(DisabledReason::Gone));
        // An event each hour, none of which is taken.
        let mut progress = fresh();
        let (mut event, mut at, mut given_up) = (0, Timestamp::EPOCH, Vec::new());
        let off_at = loop {
            let event_at = Timestamp::from_millis(event * HOUR);
            at = at.max(event_at);
            match retry().failed(&mut progress, &Failure { at, event_at, is_gone: false, ..failure }) {
                Fate::Pending => at = progress.next_attempt_at.unwrap(),
                Fate::Parked => {
                    given_up.push(since(event_at, at));
                    Retry::next_event(&mut progress);
                    event += 1;
                }
                Fate::Off(reason) => break (reason, at.as_millis() / HOUR, since(event_at, at)),
            }
        };
        let day = Duration::from_secs(86_400);
        assert!(given_up.iter().all(|age| *age >= day), "each has its day: {given_up:?}");
        assert!(off_at.0 == DisabledReason::Failing && (120..=124).contains(&off_at.1) && off_at.2 >= day, "{off_at:?}");
    }

    #[test]
    fn an_event_after_a_pause_has_the_whole_schedule_and_turns_nothing_off() {
        for pause in [0, 1, 200, 1_000] {
            let mut progress = fresh();
            let (_, fate) = fail_on(&mut progress, 0.5);
            assert_eq!(fate, Fate::Parked);
            Retry::next_event(&mut progress);
            let start = (24 + pause) * HOUR;
            let mut tried = vec![start];
            let fate = loop {
                let at = Timestamp::from_millis(*tried.last().unwrap());
                let event_at = Timestamp::from_millis(start);
                match retry().failed(&mut progress, &Failure { at, event_at, is_gone: false, retry_after: None, dice: 0.5 }) {
                    Fate::Pending => tried.push(progress.next_attempt_at.unwrap().as_millis()),
                    fate => break fate,
                }
            };
            assert_eq!((tried.len(), tried[9] - start, fate), (10, 24 * HOUR, Fate::Parked), "after {pause} hours");
            assert_eq!(progress.failing_since, Some(Timestamp::from_millis(start)), "the run began with it");
        }
    }

    #[test]
    fn attempts_that_come_late_do_not_follow_one_another_at_once() {
        // Nobody could deliver for eleven hours after the first attempt.
        let mut progress =
            Progress { attempts: 1, first_attempt_at: Some(Timestamp::EPOCH), failing_since: Some(Timestamp::EPOCH), ..fresh() };
        let mut at = Timestamp::from_millis(11 * HOUR);
        for wait in [5, 5, 5, 5, 5, 3 * 3_600 - 25] {
            let failure = Failure { at, event_at: Timestamp::EPOCH, is_gone: false, retry_after: None, dice: 0.5 };
            assert_eq!(retry().failed(&mut progress, &failure), Fate::Pending);
            assert_eq!(progress.next_attempt_at, Some(later(at, Duration::from_secs(wait))));
            at = progress.next_attempt_at.unwrap();
        }
    }

    #[test]
    fn a_schedule_is_read_as_it_is_shown() {
        let text = "5000,300000,1800000,7200000,18000000,36000000,50400000,72000000,86400000";
        assert_eq!(Schedule::default().to_string(), text);
        assert_eq!(text.parse(), Ok(Schedule::default()));
        for bad in ["", "x", "0,1", "2,1", "1,1", "1,,2", "-1", &vec!["1"; 51].join(",")] {
            assert!(bad.parse::<Schedule>().is_err(), "{bad}");
        }
    }
}
