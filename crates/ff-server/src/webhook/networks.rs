//! Which addresses a webhook may reach. A tenant chooses the target, the server makes the request: without a fence, the tenant could ask
//! whatever the server can reach, such as the metadata service of its cloud.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Networks that may be reached although they are not public, and by plain HTTP. By default there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllowedNetworks(Vec<IpNet>);

impl AllowedNetworks {
    /// This machine: what is allowed in development mode.
    pub fn loopback() -> Self {
        Self(vec![IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)), IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST))])
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the address is in one of them.
    pub fn hold(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether a webhook may reach the address: one in these networks, or, unless it would be by plain HTTP, a public one.
    pub fn allow(&self, address: IpAddr, is_encrypted: bool) -> bool {
        self.hold(address) || (is_encrypted && is_public(address))
    }
}

impl FromStr for AllowedNetworks {
    type Err = String;

    /// Networks such as `10.0.0.0/8` or single addresses, with commas between.
    fn from_str(text: &str) -> Result<Self, String> {
        let network = |part: &str| {
            let part = part.trim();
            let network = part.parse::<IpNet>().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
            network.map(|network| network.trunc()).ok_or_else(|| format!("`{part}` is no network such as `10.0.0.0/8`"))
        };
        text.split(',').filter(|part| !part.trim().is_empty()).map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for AllowedNetworks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(","))
    }
}

/// What is not public in IPv4, by IANA's registry of special-purpose addresses: first address and length of the prefix.
const SPECIAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),       // this network
    ([10, 0, 0, 0], 8),      // private
    ([100, 64, 0, 0], 10),   // shared, for carriers
    ([127, 0, 0, 0], 8),     // loopback
    ([169, 254, 0, 0], 16),  // link-local, and the metadata service of clouds
    ([172, 16, 0, 0], 12),   // private
    ([192, 0, 0, 0], 24),    // protocol assignments
    ([192, 0, 2, 0], 24),    // documentation
    ([192, 88, 99, 0], 24),  // relays to IPv6
    ([192, 168, 0, 0], 16),  // private
    ([198, 18, 0, 0], 15),   // benchmarks
    ([198, 51, 100, 0], 24), // documentation
    ([203, 0, 113, 0], 24),  // documentation
    ([224, 0, 0, 0], 4),     // multicast
    ([240, 0, 0, 0], 4),     // reserved, and broadcast
];

/// What is not public within 2000::/3, the only part of IPv6 that is: the first 32 bits and the length of the prefix.
const SPECIAL_V6: [(u32, u32); 4] = [
    (0x2001_0000, 23), // protocol assignments, Teredo among them
    (0x2001_0db8, 32), // documentation
    (0x2002_0000, 16), // 6to4: holds an IPv4 address
    (0x3fff_0000, 20), // documentation
];

/// Whether the address is one of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    SPECIAL_V4.iter().all(|(first, length)| (bits ^ u32::from_be_bytes(*first)) >> (32 - length) != 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    // 64:ff9b::/96 stands for the IPv4 address at its end, where the network translates between the two.
    if bits >> 32 == 0x0064_ff9b_u128 << 64 {
        return is_public_v4(Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32));
    }
    let is_unicast = bits >> 125 == 0b001;
    is_unicast && SPECIAL_V6.iter().all(|(first, length)| (bits ^ (u128::from(*first) << 96)) >> (128 - length) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address(text)), "{text}");
        }
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700::1111",
            "2a00:1450::1",
            "3fff:1000::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(address(text)), "{text}");
        }
    }

    #[test]
    fn what_is_allowed_is_reached_also_by_plain_http_and_under_each_of_its_names() {
        let networks: AllowedNetworks = " 127.0.0.0/8, ::1 ,10.1.2.3/16".parse().unwrap();
        assert_eq!(networks.to_string(), "127.0.0.0/8,::1/128,10.1.0.0/16");
        for text in ["127.0.0.1", "::ffff:127.0.0.1", "::1", "10.1.255.255"] {
            assert!(networks.allow(address(text), false) && networks.allow(address(text), true), "{text}");
        }
        assert!(!networks.allow(address("10.2.0.1"), true));
        assert!(networks.allow(address("8.8.8.8"), true));
        assert!(!networks.allow(address("8.8.8.8"), false), "plain HTTP stays inside");
        assert!(!AllowedNetworks::default().allow(address("127.0.0.1"), true));
        for bad in ["localhost", "10.0.0.0/33", "10.0.0.0/8;::1", "*"] {
            assert!(bad.parse::<AllowedNetworks>().is_err(), "{bad}");
        }
        assert!("".parse::<AllowedNetworks>().unwrap().is_empty());
        assert!(AllowedNetworks::loopback().hold(address("127.3.2.1")) && AllowedNetworks::loopback().hold(address("::1")));
    }
}
