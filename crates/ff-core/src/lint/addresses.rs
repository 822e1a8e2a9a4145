//! The addresses of networks, as ranges.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::Network;

/// Ranges of addresses in order, with others between each two.
#[derive(Debug, Clone)]
pub(super) struct Addresses(Vec<Range>);

/// The first and the last address. IPv4 and IPv6 are apart, as they are for an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    is_v6: bool,
    first: u128,
    last: u128,
}

impl Range {
    fn new(network: IpNet) -> Self {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        Self { is_v6: matches!(network, IpNet::V6(_)), first: bits(network.network()), last: bits(network.broadcast()) }
    }

    fn touches(&self, later: &Self) -> bool {
        self.is_v6 == later.is_v6 && later.first <= self.last.saturating_add(1)
    }
}

impl Addresses {
    pub(super) fn new(networks: &[Network]) -> Self {
        let mut ranges: Vec<_> = networks.iter().map(|network| Range::new(network.network())).collect();
        ranges.sort_unstable();
        let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(before) if before.touches(&range) => before.last = before.last.max(range.last),
                _ => joined.push(range),
            }
        }
        Self(joined)
    }

    /// How many ranges there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut one, mut another) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(a), Some(b)) = (one.peek(), another.peek()) {
            let (first, last) = (a.first.max(b.first), a.last.min(b.last));
            if a.is_v6 == b.is_v6 && first <= last {
                both.push(Range { is_v6: a.is_v6, first, last });
            }
            // The one that ends first meets nothing more.
            let _ = if (a.is_v6, a.last) <= (b.is_v6, b.last) { one.next() } else { another.next() };
        }
        Self(both)
    }

    /// Whether every address in it lies in `other` too.
    pub(super) fn lies_in(&self, other: &Self) -> bool {
        self.0.iter().all(|range| {
            let behind = other.0.partition_point(|known| (known.is_v6, known.first) <= (range.is_v6, range.first));
            let known = behind.checked_sub(1).and_then(|at| other.0.get(at));
            known.is_some_and(|known| known.is_v6 == range.is_v6 && range.last <= known.last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clause, Condition, Operation, Test};

    fn of(networks: &[&str]) -> Addresses {
        let condition = Condition::from_value(&serde_json::json!({"attr": {"ip": {"ip_in": networks}}})).unwrap();
        let Clause::Attr(tests) = &condition.clauses[0] else { panic!("a test") };
        let Test::Operations(operations) = &tests[0].1 else { panic!("operations") };
        let Operation::Network(networks) = &operations[0] else { panic!("networks") };
        Addresses::new(networks.as_slice())
    }

    #[test]
    fn networks_are_compared_by_their_addresses() {
        for (one, other, lies_in) in [
            (&["10.1.0.0/16"][..], &["10.0.0.0/8"][..], true),
            (&["10.0.0.0/8"], &["10.1.0.0/16"], false),
            (&["10.0.0.0/8"], &["10.128.0.0/9", "10.0.0.0/9"], true),
            (&["10.0.0.0/8"], &["10.128.0.0/9", "10.0.0.0/10"], false),
            (&["10.1.2.3", "2001:db8::1"], &["10.0.0.0/8", "2001:db8::/32"], true),
            (&["10.1.2.3", "2001:db9::1"], &["10.0.0.0/8", "2001:db8::/32"], false),
            (&["::ffff:10.1.2.3"], &["10.0.0.0/8"], true),
            (&["10.1.2.3"], &["::/0"], false),
            (&["::/0"], &["0.0.0.0/0"], false),
            (&["0.0.0.1"], &["::/0", "0.0.0.0/0"], true),
        ] {
            let (one, other) = (of(one), of(other));
            assert_eq!(one.lies_in(&other), lies_in, "{one:?} {other:?}");
            let (both, same) = (one.and(&other), other.and(&one));
            assert_eq!(both.0, same.0);
            assert!(both.lies_in(&one) && both.lies_in(&other));
            assert_eq!(both.0 == one.0, lies_in, "{one:?} {other:?}");
        }
        assert!(of(&["10.0.0.0/8", "::1"]).and(&of(&["11.0.0.0/8", "::2"])).is_empty());
        assert_eq!(of(&["10.0.0.0/9", "10.128.0.0/9", "10.5.0.0/16", "255.255.255.255", "::"]).len(), 3);
    }
}
