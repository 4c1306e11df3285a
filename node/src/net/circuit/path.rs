//! The members that a circuit runs over, and how a stream says so.
//!
//! ```text
//! u8 count, 3 to n | count times the 38 bytes of a peer identity (Ed25519), from end to end
//! ```
//! Nobody is in it twice, so no circuit goes in circles.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

/// Bytes of an identity.
const ID: usize = 38;

/// A way from one member to another over at least one more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::net) struct Path(Vec<PeerId>);

/// Where a member stands in a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// This member is next.
    Before(PeerId),
    /// It ends here.
    End,
}

impl Path {
    pub(in crate::net) fn new(members: Vec<PeerId>) -> Option<Self> {
        let mut sorted = members.clone();
        sorted.sort_unstable();
        sorted.dedup();
        (members.len() >= 3 && sorted.len() == members.len()).then_some(Self(members))
    }

    /// From `me` along an address, which names one member after the other and nothing else.
    pub(super) fn dialled(me: PeerId, address: &Multiaddr) -> Option<Self> {
        let ids: Option<Vec<_>> = std::iter::once(Some(me)).chain(address.iter().map(id)).collect();
        Self::new(ids?)
    }

    pub(super) fn members(&self) -> &[PeerId] {
        &self.0
    }

    /// What its first member dials.
    pub(in crate::net) fn address(&self) -> Multiaddr {
        self.0.iter().skip(1).map(|id| Protocol::P2p(*id)).collect()
    }

    /// Where its last member is reached: over whom.
    pub(super) fn local(&self) -> Multiaddr {
        let between = self.0.iter().skip(1).take(self.0.len() - 2);
        between.map(|id| Protocol::P2p(*id)).collect()
    }

    /// Who its first member says it is.
    pub(super) fn remote(&self) -> Multiaddr {
        self.0.iter().take(1).map(|id| Protocol::P2p(*id)).collect()
    }

    /// Where `me` stands that got it from `from`. K3.
    pub(super) fn place(&self, me: PeerId, from: PeerId) -> Option<Place> {
        let mine = self.0.iter().position(|id| *id == me)?;
        (self.0.get(mine.checked_sub(1)?) == Some(&from)).then_some(())?;
        Some(self.0.get(mine + 1).map_or(Place::End, |next| Place::Before(*next)))
    }

    pub(in crate::net) async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let mut bytes = vec![u8::try_from(self.0.len()).map_err(io::Error::other)?];
        for id in &self.0 {
            bytes.extend_from_slice(&id.to_bytes());
        }
        to.write_all(&bytes).await?;
        to.flush().await
    }

    /// Reads one of at most `members`.
    pub(in crate::net) async fn read(
        from: &mut (impl AsyncRead + Unpin),
        members: usize,
    ) -> io::Result<Self> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "no path");
        let mut count = [0];
        from.read_exact(&mut count).await?;
        let [count] = count.map(usize::from);
        if !(3..=members).contains(&count) {
            return Err(invalid());
        }
        let mut ids = Vec::with_capacity(count);
        for _ in 0..count {
            let mut id = [0; ID];
            from.read_exact(&mut id).await?;
            let peer = PeerId::from_bytes(&id).map_err(io::Error::other)?;
            ids.push(peer);
        }
        Self::new(ids).ok_or_else(invalid)
    }
}

/// If a connection with `peer` runs over a circuit: who is on the way, from here to there; `None` in it
/// if the peer is not the one that the circuit is said to come from.
pub(in crate::net) fn between(
    peer: PeerId,
    endpoint: &ConnectedPoint,
) -> Option<Option<Vec<PeerId>>> {
    let mut remote = members(endpoint.get_remote_address())?;
    let between = match endpoint {
        ConnectedPoint::Dialer { .. } => remote.pop().filter(|last| *last == peer).map(|_| remote),
        ConnectedPoint::Listener { local_addr, .. } => {
            let come = members(local_addr).filter(|_| remote == [peer]);
            come.map(|come| come.into_iter().rev().collect())
        }
    };
    Some(between)
}

/// The members that an address names, if it names nothing else.
pub(in crate::net) fn members(address: &Multiaddr) -> Option<Vec<PeerId>> {
    address.iter().map(id).collect()
}

fn id(part: Protocol<'_>) -> Option<PeerId> {
    if let Protocol::P2p(id) = part { Some(id) } else { None }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use quorate_fuzz::corpus::Campaign;

    use super::*;

    fn ids<const N: usize>() -> [PeerId; N] {
        let key = |_| libp2p::identity::Keypair::generate_ed25519().public().to_peer_id();
        std::array::from_fn(key)
    }

    fn written(path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        block_on(path.write(&mut bytes)).unwrap();
        bytes
    }

    #[test]
    fn each_member_finds_who_is_next_and_takes_it_from_the_one_before_alone() {
        let [a, b, c, d, e] = ids();
        let path = Path::new(vec![a, b, c, d]).unwrap();
        assert_eq!(path.place(b, a), Some(Place::Before(c)));
        assert_eq!(path.place(c, b), Some(Place::Before(d)));
        assert_eq!(path.place(d, c), Some(Place::End));
        for (me, from) in [(c, a), (b, c), (a, b), (a, d), (e, d), (d, e)] {
            assert_eq!(path.place(me, from), None);
        }
        assert_eq!(Path::dialled(a, &path.address()), Some(path.clone()));
        assert_eq!(members(&path.local()), Some(vec![b, c]));
        assert_eq!(members(&path.remote()), Some(vec![a]));
        assert_eq!(Path::dialled(a, &"/ip4/127.0.0.1/tcp/1".parse().unwrap()), None);
    }

    #[test]
    fn nobody_is_in_a_path_twice_and_none_is_longer_than_the_roster() {
        let [a, b, c, d] = ids();
        for wrong in [vec![a, b], vec![a, b, a], vec![a, b, c, b], vec![a, b, b, c], vec![]] {
            assert_eq!(Path::new(wrong), None);
        }
        let whole = Path::new(vec![a, b, c, d]).unwrap();
        let bytes = written(&whole);
        assert_eq!(block_on(Path::read(&mut bytes.as_slice(), 4)).unwrap(), whole);
        assert!(block_on(Path::read(&mut bytes.as_slice(), 3)).is_err());
        // By itself, and by its bytes.
        let mut twice = written(&Path::new(vec![a, b, c, d]).unwrap());
        twice.copy_within(1..=ID, 1 + 2 * ID);
        assert!(block_on(Path::read(&mut twice.as_slice(), 4)).is_err());
    }

    #[test]
    fn no_bytes_make_reading_a_path_fail_otherwise_than_it_should() {
        let whole = written(&Path::new(ids::<5>().to_vec()).unwrap());
        let (mut read, mut refused) = (0, 0);
        for mutant in Campaign::new(vec![whole], 1).take(20_000) {
            match block_on(Path::read(&mut mutant.as_slice(), 5)) {
                Ok(path) => {
                    assert!((3..=5).contains(&path.members().len()));
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
        assert!(read > 100 && refused > 100, "{read} {refused}");
    }
}
