//! A thread that writes records while the party goes on.
//!
//! Batches are numbered from 1. The thread takes all batches that wait into one transaction, so
//! that one flush of the disk serves many steps; what is sent because of a batch waits until
//! [`Journal::durable`] has reached its number.

use std::io;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use quorate_protocol::party::Record;
use tokio::sync::{oneshot, watch};

use super::{Commit, StoreError};

/// What the thread is given.
enum Entry {
    Records(Vec<Record>),
    Snapshot(oneshot::Sender<Vec<Record>>),
}

/// Writes records in the background, in order.
#[derive(Debug)]
pub struct Journal {
    batches: Option<mpsc::Sender<Entry>>,
    appended: u64,
    durable: watch::Receiver<u64>,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Journal {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(store: impl Commit + Send + 'static) -> io::Result<Self> {
        let (batches, queue) = mpsc::channel();
        let (reached, durable) = watch::channel(0);
        let thread = Builder::new()
            .name("store".to_owned())
            .spawn(move || write(store, &queue, &reached))?;
        Ok(Self { batches: Some(batches), appended: 0, durable, thread: Some(thread) })
    }

    /// Hands over records to write; returns the number of the batch.
    ///
    /// # Errors
    /// Writing failed before.
    pub fn append(&mut self, records: Vec<Record>) -> Result<u64, StoreError> {
        match &self.batches {
            Some(batches) if batches.send(Entry::Records(records)).is_ok() => {
                self.appended += 1;
                Ok(self.appended)
            }
            _ => Err(self.failure()),
        }
    }

    /// All that is stored once everything that was handed over by now is durable; nothing if writing
    /// fails.
    pub fn snapshot(&self) -> oneshot::Receiver<Vec<Record>> {
        let (give, given) = oneshot::channel();
        if let Some(batches) = &self.batches {
            let _ = batches.send(Entry::Snapshot(give));
        }
        given
    }

    /// Waits until more is durable than when this was last called; returns the number of the last
    /// batch that is.
    ///
    /// # Errors
    /// Writing failed.
    pub async fn durable(&mut self) -> Result<u64, StoreError> {
        match self.durable.changed().await {
            Ok(()) => Ok(*self.durable.borrow_and_update()),
            Err(_) => Err(self.failure()),
        }
    }

    /// Writes what waits and ends the thread.
    pub async fn close(&mut self) {
        self.batches = None;
        while self.durable.changed().await.is_ok() {}
        self.failure();
    }

    /// Why the thread has ended.
    fn failure(&mut self) -> StoreError {
        self.batches = None;
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(Err(error))) => error,
            _ => StoreError::Closed,
        }
    }
}

fn write(
    mut store: impl Commit,
    queue: &mpsc::Receiver<Entry>,
    reached: &watch::Sender<u64>,
) -> Result<(), StoreError> {
    while let Ok(first) = queue.recv() {
        let (mut records, mut taken, mut asked) = (Vec::new(), 0, Vec::new());
        for entry in std::iter::once(first).chain(queue.try_iter()) {
            match entry {
                Entry::Records(more) => {
                    records.extend(more);
                    taken += 1;
                }
                Entry::Snapshot(asker) => asked.push(asker),
            }
        }
        if taken > 0 {
            store.commit(records)?;
            reached.send_modify(|durable| *durable += taken);
        }
        for asker in asked {
            let _ = asker.send(store.snapshot()?);
        }
    }
    store.close()
}
