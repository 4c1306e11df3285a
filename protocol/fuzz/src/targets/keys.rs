//! Key sets, as they are stored.

use quorate_protocol::keys::KeySet;
use quorate_protocol::keys::refresh::Refreshed;

/// A key set, or what a member has of a refresh.
pub fn key_set(bytes: &[u8]) {
    if let Ok(keys) = KeySet::from_bytes(bytes) {
        assert_eq!(keys.to_bytes().expose(), bytes, "another encoding");
        assert!(keys.coin().is_ok());
        assert!(keys.committee().contains(keys.me()));
    }
    if let Some(refreshed) = Refreshed::from_bytes(bytes) {
        assert_eq!(refreshed.to_bytes().expose(), bytes, "another encoding");
        assert!(!format!("{:?}", refreshed.digest()).is_empty());
    }
}
