//! The checked-in inputs, and short campaigns that start from them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::Target;
use crate::mutate::mutate;

/// Bytes of an input, at most.
pub const LONGEST: usize = 16 << 10;

/// Where the inputs of a target are.
pub fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// The inputs of a target with the names of their files, in the order of these.
///
/// # Errors
/// They cannot be read.
pub fn inputs(target: &Target) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder(target))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        inputs.push((name, fs::read(path)?));
    }
    inputs.sort();
    Ok(inputs)
}

/// Mutants of the inputs of a target: always the same for one seed.
pub struct Campaign {
    inputs: Vec<Vec<u8>>,
    rng: ChaCha8Rng,
}

impl Campaign {
    /// A campaign from these inputs.
    pub fn new(inputs: Vec<Vec<u8>>, seed: u64) -> Self {
        Self { inputs, rng: ChaCha8Rng::seed_from_u64(seed) }
    }
}

impl Iterator for Campaign {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        Some(mutate(&self.inputs, LONGEST, &mut self.rng))
    }
}
