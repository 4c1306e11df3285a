//! Sharing scalars, half of them on either curve: as many as a dealer's keys are, and as many as a
//! run's nonces may be.

#![expect(clippy::indexing_slicing, reason = "a bench may panic")]

mod sharing;

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use quorate_protocol::crypto::Keyring;
use quorate_protocol::math::{Field, Fl};
use quorate_protocol::sharing::acss::Acss;
use quorate_protocol::sharing::acss::scalar::{Curve, Scalars};

use sharing::{DEALER, measure, tag};

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("scalars");
    group.sample_size(10);
    for n in [4, 7, 16, 31] {
        for count in [4, 128] {
            group.throughput(Throughput::Elements(count as u64));
            let curves = [Curve::Edwards, Curve::Ristretto].into_iter().cycle();
            let scalars = Scalars::new(curves.take(count).collect());
            let make = |keyring: &Arc<Keyring>| {
                Acss::scalars(keyring.clone(), DEALER, tag(), scalars.clone())
            };
            let secrets = (1..=count as u64).map(Fl::from_u64).collect();
            let name = format!("{count}/{n}");
            measure(&mut group, &name, &Keyring::for_tests(n, 1), make, secrets);
        }
    }
    group.finish();
}

criterion::criterion_group!(benches, bench);
criterion::criterion_main!(benches);
