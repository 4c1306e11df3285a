//! Values that must not be printed, logged or left in memory.

use std::fmt;

use zeroize::Zeroize;

/// A secret: prints as `[secret]`, is wiped when dropped, and is read only where
/// [`expose`](Secret::expose) is written.
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes charge of a secret value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. What is derived from it is as secret as it is.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, to change in place.
    pub const fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new(vec![42u8])), "[secret]");
    }
}
