//! Sharing a batch: nanoseconds for each secret, at the dealer and at each recipient.

#![expect(clippy::indexing_slicing, reason = "a bench may panic")]

mod sharing;

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use quorate_protocol::crypto::Keyring;
use quorate_protocol::math::{Field, Fp61};
use quorate_protocol::sharing::acss::{Acss, Elements, NoStatement};

use sharing::{DEALER, measure, tag};

const SECRETS: usize = 1 << 14;

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("acss");
    group.sample_size(10).throughput(Throughput::Elements(SECRETS as u64));
    for n in [4, 7, 16, 31] {
        let make = |keyring: &Arc<Keyring>| -> Acss<Elements<Fp61, _>> {
            Acss::new(keyring.clone(), DEALER, tag(), SECRETS, NoStatement)
        };
        let secrets = (0..SECRETS as u64).map(Fp61::from_u64).collect();
        measure(&mut group, &n.to_string(), &Keyring::for_tests(n, 1), make, secrets);
    }
    group.finish();
}

criterion::criterion_group!(benches, bench);
criterion::criterion_main!(benches);
