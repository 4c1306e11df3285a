//! Argon2id, for passphrases and check-words.
//!
//! The usual amount of memory is on the stack of a thread of its own and goes back to the system with
//! it. From an allocator it would be a hole in the heap of a node that runs for months.

use std::thread;

use argon2::{Algorithm, Argon2, Block, Error, Params, Version};
use zeroize::Zeroize;

/// Blocks of 1 KiB that are used if nothing else is said, 64 MiB: [`USUAL_KIB`].
const USUAL: usize = 64 << 10;
/// KiB of memory that RFC 9106 recommends where 2 GiB are too much.
pub(crate) const USUAL_KIB: u32 = 64 << 10;
/// Of the thread. Twice, as a compiler that does not optimise makes a copy.
const STACK: usize = 2 * USUAL * Block::SIZE + (1 << 20);

/// Makes `out` of `input` and `salt` with so many KiB of memory and passes over it, on one lane of
/// version 0x13.
pub(crate) fn stretch(
    (memory, passes): (u32, u32),
    input: &[u8],
    salt: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    let params = Params::new(memory, passes, 1, Some(out.len()))?;
    let is_usual = params.block_count() == USUAL;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    if !is_usual {
        return argon.hash_password_into(input, salt, out);
    }
    let work = || on_stack(&argon, input, salt, out);
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("stretch".into()).stack_size(STACK);
        let thread = thread.spawn_scoped(scope, work).map_err(|_| Error::OutOfMemory)?;
        thread.join().unwrap_or(Err(Error::OutOfMemory))
    })
}

#[expect(clippy::large_stack_arrays, reason = "there is room for it: `STACK`")]
fn on_stack(argon: &Argon2<'_>, input: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), Error> {
    let mut memory = [Block::new(); USUAL];
    let done = argon.hash_password_into_with_memory(input, salt, out, &mut memory);
    memory.iter_mut().for_each(Zeroize::zeroize);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_memory_is_makes_no_difference() {
        let mut here = [0; 32];
        stretch((USUAL_KIB, 1), b"input", b"eight or more", &mut here).unwrap();
        let params = Params::new(USUAL_KIB, 1, 1, Some(32)).unwrap();
        let mut there = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(b"input", b"eight or more", &mut there)
            .unwrap();
        assert_eq!(here, there);
        let mut less = [0; 32];
        stretch((8, 1), b"input", b"eight or more", &mut less).unwrap();
        assert_ne!(less, here);
        assert!(stretch((8, 1), b"input", b"short", &mut less).is_err());
    }
}
