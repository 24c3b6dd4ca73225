//! Which addresses a webhook may have: those that the whole world can reach, unless told otherwise.
//!
//! A name is looked at when it is resolved for the connection itself, so that nobody can answer with
//! one address for the check and with another for the message.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses may be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Those that the whole world can reach, over TLS.
    #[default]
    Public,
    /// Any address, without TLS too: for receivers in the same network, and for tests.
    Anywhere,
}

/// Refuses an address that may not be told, in the words that MLflow's clients know. A name is not
/// resolved here: [`Resolver`] looks at what it stands for when the message is sent.
pub(crate) fn check_url(text: &str, reach: Reach) -> Result<Url, String> {
    if text.trim().is_empty() {
        return Err(format!("Webhook URL cannot be empty or just whitespace: '{text}'"));
    }
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    let allowed: &[&str] = match reach {
        Reach::Public => &["https"],
        Reach::Anywhere => &["https", "http"],
    };
    if !allowed.contains(&scheme.as_str()) {
        let allowed = allowed.join(", ");
        return Err(format!(
            "Invalid webhook URL scheme: '{scheme}'. Allowed schemes are: {allowed}."
        ));
    }
    let url = Url::parse(text).map_err(|error| format!("Invalid webhook URL '{text}': {error}"))?;
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return Err(format!("Webhook URL must include a hostname: '{text}'"));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("Webhook URL must not include embedded credentials".into());
    }
    match literal(host) {
        Some(ip) if reach == Reach::Public && !is_public(ip) => Err(format!(
            "Webhook URL must not resolve to a non-public IP address. '{host}' resolves to {ip}."
        )),
        _ if reach == Reach::Public && is_local_name(host) => Err(format!(
            "Webhook URL must not resolve to a non-public IP address. '{host}' names this machine."
        )),
        _ => Ok(url),
    }
}

/// The address that a host spells out. A URL's host has been made regular by then: `0x7f.1` is
/// `127.0.0.1` already.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_local_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// Resolves names for connections, and gives none of the addresses that may not be told.
#[derive(Debug)]
pub(super) struct Resolver(pub(super) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if reach == Reach::Public
                && let Some(bad) = found.iter().find(|address| !is_public(address.ip()))
            {
                let (host, ip) = (name.as_str(), bad.ip());
                return Err(format!("`{host}` is {ip}, which is not a public address").into());
            }
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

/// Whether the whole world can reach the address, and no one else is meant by it. An IPv4 address
/// inside of an IPv6 one is looked at as what it is.
/// Source: IANA, "IPv4 and IPv6 Special-Purpose Address Registries".
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match embedded(ip) {
            Some(ip) => is_public_v4(ip),
            None => is_public_v6(ip),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224..=255, ..)
    );
    !special
}

/// Only 2000::/3 is given out to the world, and some of it for other purposes.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    let (first, second) = (segments[0], segments[1]);
    let special = matches!((first, second), (0x2001, 0..=0x01ff | 0x0db8) | (0x3fff, 0..=0x0fff));
    first & 0xe000 == 0x2000 && !special
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, 6to4 or NAT64.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = ip.segments();
    let pair = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(pair(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] => Some(pair(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(pair(high, low)),
        [0x2002, high, low, ..] => Some(pair(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(addresses: &[&str], public: bool) {
        for address in addresses {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn addresses_of_this_machine_and_its_networks_are_not_public() {
        check(
            &["127.0.0.1", "127.255.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"],
            false,
        );
        check(
            &["169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"],
            false,
        );
        check(&["::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1"], false);
        check(&["2001:db8::1", "2001::1", "100::1", "64:ff9b:1::1"], false);
    }

    #[test]
    fn an_address_inside_of_another_is_what_counts() {
        check(&["::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::10.0.0.1", "2002:a9fe:a9fe::"], false);
        check(&["::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::"], true);
    }

    #[test]
    fn addresses_of_the_world_are_public() {
        check(&["8.8.8.8", "100.63.0.1", "172.32.0.1", "192.0.1.1", "2606:4700::1111"], true);
    }

    #[track_caller]
    fn refused(url: &str, said: &str) {
        let error = check_url(url, Reach::Public).unwrap_err();
        assert!(error.contains(said), "{url}: {error}");
    }

    #[test]
    fn a_url_that_names_this_network_is_refused_however_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "0177.0.0.1",
            "[::1]",
            "[::ffff:169.254.169.254]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "10.0.0.1:8080",
        ] {
            refused(&format!("https://{host}/hook"), "non-public IP address");
        }
    }

    #[test]
    fn a_url_of_another_scheme_is_refused() {
        for url in ["http://example.com", "file:///etc/passwd", "gopher://x", "example.com"] {
            refused(url, "Invalid webhook URL scheme");
        }
        refused(" ", "cannot be empty");
        refused("https://", "Invalid webhook URL");
        refused("https://user:word@example.com", "embedded credentials");
    }

    #[test]
    fn a_public_url_is_taken() {
        assert!(check_url("https://example.com:8443/hook?a=b", Reach::Public).is_ok());
        assert!(check_url("http://127.0.0.1:1/hook", Reach::Anywhere).is_ok());
    }

    #[test]
    fn a_name_that_stands_for_this_machine_is_not_resolved() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let resolve = |reach| {
            let name: Name = "localhost".parse().unwrap();
            runtime.block_on(Resolver(reach).resolve(name)).map(Iterator::count)
        };
        let error = resolve(Reach::Public).unwrap_err().to_string();
        assert!(error.contains("not a public address"), "{error}");
        assert!(resolve(Reach::Anywhere).is_ok_and(|count| count > 0));
    }
}
