//! `geoip`: which country a database says an address is in.
//!
//! The database is the user's: GeoLite2 Country or another in MaxMind's format. AWS does not publish the one that it uses.

use crate::packet::Packet;
use crate::rules::keyword::{Geoip, GeoipEnd};
use maxminddb::{PathElement, Reader};
use std::fmt::{self, Debug, Formatter};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A database of countries.
#[derive(Clone)]
pub struct Countries {
    reader: Arc<Reader<Vec<u8>>>,
    path: PathBuf,
}

impl Countries {
    /// A database from the bytes of its file; `path` is where Suricata would find it.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn new(bytes: Vec<u8>, path: impl Into<PathBuf>) -> Result<Self, String> {
        let reader = Reader::from_source(bytes).map_err(|error| error.to_string())?;
        Ok(Self { reader: Arc::new(reader), path: path.into() })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The code of the country that an address is in; `None` when the database does not say.
    fn country(&self, address: IpAddr) -> Option<&str> {
        let found = self.reader.lookup(address).ok()?;
        found.decode_path(&[PathElement::Key("country"), PathElement::Key("iso_code")]).ok()?
    }
}

impl Debug for Countries {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Countries").field(&self.path).finish()
    }
}

/// `geoip` with the database that it asks.
#[derive(Clone, Debug)]
pub(crate) struct GeoipTest {
    pub(super) test: Geoip,
    pub(super) countries: Countries,
}

impl GeoipTest {
    pub(super) fn holds(&self, packet: &Packet<'_>) -> bool {
        let Some(ip) = &packet.ip else { return false };
        // without a country an address is not among the others either
        let fits = |address| {
            let country = self.countries.country(address);
            country.is_some_and(|country| self.test.countries.iter().any(|code| code == country) != self.test.negated)
        };
        match self.test.end {
            GeoipEnd::Src => fits(ip.src),
            GeoipEnd::Dst => fits(ip.dst),
            GeoipEnd::Any => fits(ip.src) || fits(ip.dst),
            GeoipEnd::Both => fits(ip.src) && fits(ip.dst),
        }
    }
}
