//! Sets of parties as lists, which people can write.

use quorate_protocol::committee::{PartyId, PartySet};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(
    victims: &PartySet,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    victims.iter().collect::<Vec<PartyId>>().serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<PartySet, D::Error> {
    Ok(Vec::<PartyId>::deserialize(deserializer)?.into_iter().collect())
}
