//! The networks of an `ip_in`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::model::Network;
use crate::user::List;

/// Networks, for showing and, merged into ranges of addresses, for searching by halves.
#[derive(Debug, Clone)]
pub(crate) struct Networks {
    listed: Box<[Network]>,
    pub(crate) v4: Box<[(Ipv4Addr, Ipv4Addr)]>,
    pub(crate) v6: Box<[(Ipv6Addr, Ipv6Addr)]>,
}

impl Networks {
    pub(super) fn new(networks: &[Network]) -> Self {
        let v4 =
            networks.iter().filter_map(|n| if let IpNet::V4(net) = n.network() { Some((net.network(), net.broadcast())) } else { None });
        let v6 =
            networks.iter().filter_map(|n| if let IpNet::V6(net) = n.network() { Some((net.network(), net.broadcast())) } else { None });
        Self { listed: networks.into(), v4: merged(v4.collect()), v6: merged(v6.collect()) }
    }

    pub(super) fn contain(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => in_ranges(&self.v4, address),
            IpAddr::V6(address) => in_ranges(&self.v6, address),
        }
    }

    pub(super) fn contain_one_of(&self, list: &List) -> bool {
        meet(&self.v4, &list.v4) || meet(&self.v6, &list.v6)
    }

    /// As they were written.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Network> {
        self.listed.iter()
    }

    /// How many there are, those inside others left out.
    pub(super) fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }
}

/// Ranges in order, none of which overlaps another. Networks never overlap in part: one is inside the other, or they are
/// apart.
fn merged<A: Ord + Copy>(mut ranges: Vec<(A, A)>) -> Box<[(A, A)]> {
    ranges.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    let mut apart: Vec<(A, A)> = Vec::with_capacity(ranges.len());
    for range in ranges {
        if apart.last().is_none_or(|last| last.1 < range.0) {
            apart.push(range);
        }
    }
    apart.into()
}

fn in_ranges<A: Ord + Copy>(ranges: &[(A, A)], address: A) -> bool {
    let after = ranges.partition_point(|range| range.0 <= address);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|range| address <= range.1)
}

/// Whether one of the addresses lies in one of the ranges; both are in order. Looks up the fewer among the others.
fn meet<A: Ord + Copy>(ranges: &[(A, A)], addresses: &[A]) -> bool {
    if addresses.len() < ranges.len() {
        return addresses.iter().any(|address| in_ranges(ranges, *address));
    }
    ranges.iter().any(|(first, last)| {
        let at = addresses.partition_point(|address| address < first);
        addresses.get(at).is_some_and(|address| address <= last)
    })
}

#[cfg(test)]
mod tests {
    use crate::compile::compile_test as compile;
    use crate::fold::Foldable;

    #[test]
    fn an_address_is_found_among_many_networks() {
        let networks: Vec<_> =
            (0..200).flat_map(|i| [format!("10.{i}.0.0/16"), format!("2001:db8:{i:x}::/48"), format!("10.{i}.7.0/24")]).collect();
        let test = serde_json::json!({"attr": {"ip": {"ip_in": networks}}});
        let crate::model::Clause::Attr(tests) = &crate::Condition::from_value(&test).unwrap().clauses[0] else { panic!("a test") };
        let (check, _) = compile(&tests[0].1).next().unwrap();
        for (address, holds) in [
            ("10.0.0.0", true),
            ("10.199.255.255", true),
            ("10.200.0.0", false),
            ("9.255.255.255", false),
            ("2001:db8:c7::1", true),
            ("2001:db8:c8::", false),
            ("::ffff:10.5.7.1", true),
        ] {
            assert_eq!(check.passes_text(Foldable::plain(address)), holds, "{address}");
        }
    }
}
