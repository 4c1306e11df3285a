//! Sets of parties as lists, which people can write.

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::limits::MAX_PARTIES;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(crate) fn serialize<S: Serializer>(
    victims: &PartySet,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    victims.iter().collect::<Vec<PartyId>>().serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<PartySet, D::Error> {
    let members = Vec::<PartyId>::deserialize(deserializer)?;
    // A set has no place for them, and would be without them.
    if let Some(member) = members.iter().find(|member| member.index() >= MAX_PARTIES) {
        return Err(de::Error::custom(format!("there is no member {member}")));
    }
    Ok(members.into_iter().collect())
}
