//! The rate of requests per key: arithmetic over windows of ten seconds.
//!
//! Every instance of the function serves some requests without asking. Beyond those it leases
//! shares of the rate from the directory table, where all instances count. It does not wait for a
//! lease: meanwhile requests are served on credit, and they are refused once the rate is used up.
//!
//! A dear request counts as several. What its body costs is known before it is served; what it has
//! read and written is charged afterwards, and is a debt that the key's next requests pay.

use store::Cost;
use time::OffsetDateTime;

/// The length of a window in seconds. A key may use a whole window's rate at once.
pub(super) const WINDOW_SECONDS: u32 = 10;

/// Requests per window that an instance serves without a lease: occasional requests of one client
/// cost nothing.
pub(super) const FREE: u64 = 20;

/// Requests per lease.
pub(super) const LEASE: u64 = 50;

/// Read units that a request may cost for each request it counts as. One partition gives 3,000 a
/// second, which is not much less than the default rate of 500 requests of this cost.
const READ_UNITS: f64 = 8.0;

/// Write units that a request may cost for each request it counts as: to create or delete a user as
/// Entra does it costs 20 to 30.
const WRITE_UNITS: f64 = 32.0;

/// Bytes of a body that a request may have for each request it counts as. Entra's have less.
const BODY: usize = 16 * 1024;

/// As how many requests a body of this length counts.
pub(crate) fn worth_of_body(length: usize) -> usize {
    (length / BODY).max(1)
}

/// How many memberships a request changes for each request it counts as.
const MEMBERSHIPS: u64 = 25;

/// What a membership costs at most: who the user is, and both of its items, counted and recorded.
const READ_UNITS_OF_A_MEMBERSHIP: f64 = 2.0;
const WRITE_UNITS_OF_A_MEMBERSHIP: f64 = 12.0;

/// As how many requests counts what has this cost and has changed so many memberships. These count
/// less than they cost: a client that sends many at once costs less than one that sends each.
pub(crate) fn worth_of(cost: &Cost, memberships: u64) -> usize {
    // Numbers of memberships are exact as such.
    let count = memberships as f64;
    let read = cost.read_units - READ_UNITS_OF_A_MEMBERSHIP * count;
    let written = cost.write_units - WRITE_UNITS_OF_A_MEMBERSHIP * count;
    let worth = (read / READ_UNITS).max(written / WRITE_UNITS).max(0.0);
    // The cast saturates, and rounds down.
    let rest = worth as usize;
    let members = usize::try_from(memberships.div_ceil(MEMBERSHIPS)).unwrap_or(usize::MAX);
    rest.saturating_add(members).max(1)
}

/// What an instance knows about one key's rate in the current window.
#[derive(Debug, Default)]
pub(super) struct Share {
    /// The number of the window since 1970.
    window: u64,
    /// Requests served in it.
    served: u64,
    /// Requests that may be served in it, as far as is known.
    granted: u64,
    /// Whether a lease is in progress.
    is_leasing: bool,
    /// Whether all instances together have used up the rate.
    is_used_up: bool,
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Serve it.
    Served,
    /// Serve it, and request this lease.
    ServedOnCredit(Lease),
    /// Refuse it; the next window begins after this number of seconds.
    Refused(u32),
}

/// A number of requests to lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    pub window: u64,
    pub requests: u64,
}

impl Share {
    /// Charges this number of requests, if the rate is not used up. `limit` is the number of
    /// requests per window.
    pub(super) fn charge(&mut self, requests: u64, limit: u64, now: OffsetDateTime) -> Verdict {
        let rest = self.enter(limit, now);
        if self.is_used_up && self.served >= self.granted {
            return Verdict::Refused(rest);
        }
        match self.serve(requests, limit) {
            Some(lease) => Verdict::ServedOnCredit(lease),
            None => Verdict::Served,
        }
    }

    /// Charges for a request that was served already, whether the rate is used up or not. Returns
    /// what is to be leased.
    pub(super) fn owe(&mut self, requests: u64, limit: u64, now: OffsetDateTime) -> Option<Lease> {
        self.enter(limit, now);
        self.serve(requests, limit)
    }

    /// Begins another window if the last one has ended. Returns the seconds until the next one.
    fn enter(&mut self, limit: u64, now: OffsetDateTime) -> u32 {
        let (window, rest) = window(now);
        if window != self.window {
            *self = Self {
                window,
                granted: FREE.min(limit),
                ..Self::default()
            };
        }
        rest
    }

    /// Counts requests. Returns what is to be leased.
    fn serve(&mut self, requests: u64, limit: u64) -> Option<Lease> {
        self.served = self.served.saturating_add(requests);
        if self.served <= self.granted || self.is_leasing || self.is_used_up {
            return None;
        }
        self.is_leasing = true;
        Some(Lease {
            window: self.window,
            requests: LEASE.min(limit).max(self.served - self.granted),
        })
    }

    /// Takes in the result of a lease: how many requests all instances have leased in its window,
    /// including this lease. `None` if DynamoDB did not answer: the lease then counts as granted,
    /// because nobody is refused for that.
    pub(super) fn leased(&mut self, lease: Lease, total: Option<u64>, limit: u64) {
        if lease.window != self.window {
            return;
        }
        let beyond = total.unwrap_or_default().saturating_sub(limit);
        self.is_leasing = false;
        self.is_used_up = beyond > 0;
        self.granted += lease.requests.saturating_sub(beyond);
    }
}

/// The number of the window that `now` is in, and the seconds until the next one, rounded up.
fn window(now: OffsetDateTime) -> (u64, u32) {
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    let length = u64::from(WINDOW_SECONDS);
    let passed = u32::try_from(seconds % length).unwrap_or_default();
    (seconds / length, WINDOW_SECONDS - passed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;

    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::days(20_000));

    #[test]
    fn windows_are_ten_seconds_and_the_rest_is_rounded_up() {
        let (first, rest) = window(START);
        assert_eq!((first, rest), (172_800_000, 10));
        for (milliseconds, number, rest) in [
            (1, first, 10),
            (999, first, 10),
            (1_000, first, 9),
            (9_000, first, 1),
            (9_999, first, 1),
            (10_000, first + 1, 10),
            (-1, first - 1, 1),
        ] {
            let now = START + Duration::milliseconds(milliseconds);
            assert_eq!(window(now), (number, rest), "{milliseconds} ms");
        }
        let before_1970 = OffsetDateTime::UNIX_EPOCH - Duration::DAY;
        assert_eq!(window(before_1970).0, 0);
    }

    #[test]
    fn a_quiet_client_leases_nothing() {
        let mut share = Share::default();
        for number in 0..100 {
            let now = START + Duration::milliseconds(500) * number;
            assert_eq!(share.charge(1, 5000, now), Verdict::Served);
        }
    }

    #[test]
    fn what_goes_ahead_on_credit_is_leased_later() {
        let mut share = Share::default();
        assert_eq!(share.charge(FREE, 5000, START), Verdict::Served);
        let Verdict::ServedOnCredit(first) = share.charge(1, 5000, START) else {
            panic!("no lease")
        };
        assert_eq!(first.requests, LEASE);
        // While it is in progress, nothing is leased and nothing is refused.
        assert_eq!(share.charge(LEASE + 6, 5000, START), Verdict::Served);
        share.leased(first, Some(LEASE), 5000);
        let Verdict::ServedOnCredit(second) = share.charge(100, 5000, START) else {
            panic!("no lease")
        };
        assert_eq!(second.requests, 107);
        // The answer arrives after its window: it does not affect the next one.
        let next = START + Duration::seconds(10);
        assert_eq!(share.charge(FREE, 5000, next), Verdict::Served);
        share.leased(second, Some(9999), 5000);
        assert!(matches!(
            share.charge(1, 5000, next),
            Verdict::ServedOnCredit(_)
        ));
    }

    #[test]
    fn nobody_is_refused_because_dynamodb_does_not_answer() {
        let mut share = Share::default();
        for _ in 0..10_000 {
            match share.charge(1, 10, START) {
                Verdict::Served => {}
                Verdict::ServedOnCredit(lease) => share.leased(lease, None, 10),
                Verdict::Refused(_) => panic!("refused"),
            }
        }
    }

    #[test]
    fn a_request_counts_as_what_it_costs() {
        let worth_with = |read_units, write_units, memberships| {
            let cost = Cost {
                calls: 3,
                read_units,
                write_units,
            };
            worth_of(&cost, memberships)
        };
        let worth = |read_units, write_units| worth_with(read_units, write_units, 0);
        // What Entra sends: a match query, a creation, a change, a deletion.
        for (read_units, write_units) in [(3.0, 0.0), (1.0, 20.0), (2.0, 12.0), (3.0, 27.0)] {
            assert_eq!(worth(read_units, write_units), 1);
        }
        // A page of a hundred, all of 10,000 users of 1 KB, a change of 180 KB.
        assert_eq!(worth(28.0, 0.0), 3);
        assert_eq!(worth(2_448.0, 0.0), 306);
        assert_eq!(worth(47.0, 1_100.0), 34);
        // One member, 25 of them, and a push of 20,000 that is carried out at once.
        assert_eq!(worth_with(1.0, 12.0, 1), 1);
        assert_eq!(worth_with(1.0, 236.0, 25), 1);
        assert_eq!(worth_with(20_050.0, 82_000.0, 20_000), 800);
        let bodies = [0, 1, 16_384, 32_767, 32_768, 1 << 20].map(worth_of_body);
        assert_eq!(bodies, [1, 1, 1, 1, 2, 64]);
    }

    #[test]
    fn a_debt_is_paid_by_the_next_requests() {
        let mut share = Share::default();
        assert_eq!(share.charge(1, 100, START), Verdict::Served);
        // What was served is not refused; it is leased like what is to be served.
        let lease = share.owe(305, 100, START).unwrap();
        assert_eq!(lease.requests, 306 - FREE);
        assert_eq!(share.owe(305, 100, START), None);
        share.leased(lease, Some(lease.requests), 100);
        assert_eq!(share.charge(1, 100, START), Verdict::Refused(10));
        let next = START + Duration::seconds(10);
        assert_eq!(share.charge(1, 100, next), Verdict::Served);
        // A debt of an earlier window counts in the one in which it is known.
        assert!(share.owe(FREE, 100, next).is_some());
    }

    #[test]
    fn a_refusal_ends_with_the_window() {
        let mut share = Share::default();
        let Verdict::ServedOnCredit(lease) = share.charge(FREE + 1, 100, START) else {
            panic!("no lease")
        };
        share.leased(lease, Some(100 + LEASE), 100);
        let late = START + Duration::milliseconds(7_500);
        assert_eq!(share.charge(1, 100, late), Verdict::Refused(3));
        assert_eq!(share.charge(1, 100, late), Verdict::Refused(3));
        let next = START + Duration::seconds(10);
        assert_eq!(share.charge(1, 100, next), Verdict::Served);
    }

    proptest! {
        /// Several instances that lease from one count: before the first refusal they have leased
        /// the whole limit, and they serve a bounded number in total, in any interleaving.
        #[test]
        fn the_rate_holds_across_instances(
            limit in 1_u64..3000,
            instances in 1_usize..6,
            bulk in 1_u64..200,
            requests in prop::collection::vec((0_usize..6, any::<bool>()), 4000),
        ) {
            let mut shares: Vec<Share> = (0..instances).map(|_| Share::default()).collect();
            let (mut leased, mut served, mut refused) = (0, 0, false);
            for (instance, is_bulk) in requests {
                let share = &mut shares[instance % instances];
                let worth = if is_bulk { bulk } else { 1 };
                match share.charge(worth, limit, START) {
                    Verdict::Served => served += worth,
                    Verdict::ServedOnCredit(lease) => {
                        served += worth;
                        leased += lease.requests;
                        share.leased(lease, Some(leased), limit);
                    }
                    Verdict::Refused(rest) => {
                        prop_assert_eq!(rest, WINDOW_SECONDS);
                        prop_assert!(leased > limit);
                        refused = true;
                    }
                }
            }
            let instances = u64::try_from(instances).unwrap();
            prop_assert!(served <= limit + instances * (FREE + LEASE.max(bulk)));
            prop_assert!(!refused || leased > limit);
        }

        /// A single instance refuses nothing within the limit, for any limit.
        #[test]
        fn nothing_is_refused_within_the_limit(limit in 1_u64..3000) {
            let mut share = Share::default();
            let (mut leased, mut served) = (0, 0);
            loop {
                match share.charge(1, limit, START) {
                    Verdict::Served => {}
                    Verdict::ServedOnCredit(lease) => {
                        leased += lease.requests;
                        share.leased(lease, Some(leased), limit);
                    }
                    Verdict::Refused(_) => break,
                }
                served += 1;
                prop_assert!(served <= limit + FREE + 1);
            }
            prop_assert!(served >= limit);
        }
    }
}
