//! Addresses and names. Names resolve to the nodes of the run.

use shakedown_net::lookup;
use shakedown_sim::ambient::Handle;
use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// What can be resolved to addresses.
pub trait ToSocketAddrs {
    /// Returns the addresses.
    ///
    /// # Errors
    /// If it is no address, or a name that no node has.
    #[doc(hidden)]
    fn resolve(&self) -> Result<Vec<SocketAddr>>;
}

/// Returns the addresses of `host`, a name with a port.
///
/// # Errors
/// If it is no address, or a name that no node has.
pub async fn lookup_host<T: ToSocketAddrs>(host: T) -> Result<impl Iterator<Item = SocketAddr>> {
    Ok(host.resolve()?.into_iter())
}

/// Returns the addresses of a name for the node whose code runs.
fn by_name(name: &str, port: u16) -> Result<Vec<SocketAddr>> {
    if let Ok(ip) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = lookup(Handle::current(), name)?;
    Ok(found.into_iter().map(|ip| SocketAddr::from((ip, port))).collect())
}

/// Returns the IPv4 form of an address; the simulated network has no other, so `[::]` and `[::1]` become `0.0.0.0` and `127.0.0.1`.
pub(super) fn v4(address: SocketAddr) -> Result<SocketAddrV4> {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Ipv4Addr::LOCALHOST,
        IpAddr::V6(ip) => ip.to_ipv4_mapped().ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!("the simulated network has no IPv6 address such as {ip}"),
            )
        })?,
    };
    Ok(SocketAddrV4::new(ip, address.port()))
}

macro_rules! addresses {
    ($($type:ty),*) => {$(
        impl ToSocketAddrs for $type {
            fn resolve(&self) -> Result<Vec<SocketAddr>> {
                Ok(vec![SocketAddr::from(*self)])
            }
        }
    )*};
}

addresses!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ToSocketAddrs for (&str, u16) {
    fn resolve(&self) -> Result<Vec<SocketAddr>> {
        by_name(self.0, self.1)
    }
}

impl ToSocketAddrs for (String, u16) {
    fn resolve(&self) -> Result<Vec<SocketAddr>> {
        by_name(&self.0, self.1)
    }
}

impl ToSocketAddrs for str {
    fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let parts = self.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?)));
        let (name, port) =
            parts.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "invalid socket address"))?;
        by_name(name, port)
    }
}

impl ToSocketAddrs for String {
    fn resolve(&self) -> Result<Vec<SocketAddr>> {
        self.as_str().resolve()
    }
}

impl ToSocketAddrs for [SocketAddr] {
    fn resolve(&self) -> Result<Vec<SocketAddr>> {
        Ok(self.to_vec())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn resolve(&self) -> Result<Vec<SocketAddr>> {
        (**self).resolve()
    }
}
