//! A thread that writes records while the party goes on.
//!
//! Batches are numbered from 1. The thread takes all batches that wait into one transaction, so
//! that one flush of the disk serves many steps; what is sent because of a batch waits until
//! [`Journal::durable`] has reached its number.

use std::io;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use quorate_protocol::party::Record;
use tokio::sync::watch;

use super::{Commit, StoreError};

/// Writes records in the background, in order.
#[derive(Debug)]
pub struct Journal {
    batches: Option<mpsc::Sender<Vec<Record>>>,
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
            Some(batches) if batches.send(records).is_ok() => {
                self.appended += 1;
                Ok(self.appended)
            }
            _ => Err(self.failure()),
        }
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
    queue: &mpsc::Receiver<Vec<Record>>,
    reached: &watch::Sender<u64>,
) -> Result<(), StoreError> {
    while let Ok(mut records) = queue.recv() {
        let mut taken = 1;
        while let Ok(more) = queue.try_recv() {
            records.extend(more);
            taken += 1;
        }
        store.commit(records)?;
        reached.send_modify(|durable| *durable += taken);
    }
    store.close()
}
