//! What a member that comes in for another is given: a file that any member can write. It is public; its
//! receiver compares the network's key in it with one it knows from elsewhere.

use std::path::Path;

use quorate_protocol::party::epochs::entering::Entrance;
use quorate_protocol::wire;
use serde::{Deserialize, Serialize};

use super::text::{self, Access, FORMAT, Kind};
use super::{Network, RosterError};
use crate::home::Origin;

/// Bytes of the public keys of 128 members.
const MAX_ENTRANCE: usize = 256 << 10;

/// The way into a network for a member that comes in for another.
#[derive(Clone, Debug)]
pub struct EntranceFile {
    /// The network, with all replacements.
    pub network: Network,
    /// The refresh in which the member gets its share.
    pub entrance: Entrance,
    /// How the network's keys came about, as whoever wrote the file knows it.
    pub origin: Origin,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    made_by: Origin,
    entrance: String,
    network: String,
}

impl EntranceFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It is none, or cannot be read.
    pub fn read(path: &Path) -> Result<Self, RosterError> {
        text::read(path, |text| {
            text::check_format(text, Kind::Entrance)?;
            let Content { made_by: origin, entrance, network, .. } = text::parse(text)?;
            let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(entrance.as_bytes()).ok();
            let entrance = bytes.and_then(|bytes| wire::decode(&bytes, MAX_ENTRANCE).ok());
            // There is an epoch after it.
            let entrance = entrance.filter(|entrance: &Entrance| entrance.epoch < u64::MAX);
            let bad = || RosterError::Syntax("the entrance in it cannot be read".to_owned());
            let (network, entrance) = (Network::parse(&network)?, entrance.ok_or_else(bad)?);
            Ok(Self { network, entrance, origin })
        })
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RosterError> {
        let content = Content {
            format: FORMAT,
            made_by: self.origin,
            entrance: text::hex(&wire::encode(&self.entrance)),
            network: self.network.to_toml(),
        };
        let head = "# Public: how a member comes in that was replaced. quorate member enter FILE";
        text::write(path, &format!("{head}\n{}", text::render(&content)), Access::Public)
    }
}
