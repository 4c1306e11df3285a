//! Heavy work of the party, on other threads, no more at a time than there are cores.

use std::collections::VecDeque;

use quorate_protocol::protocol::Job;
use tokio::task::{JoinError, JoinSet};

/// Jobs that run or wait.
pub(super) struct Jobs<M> {
    waiting: VecDeque<Job<M>>,
    running: JoinSet<M>,
    at_once: usize,
}

impl<M: Send + 'static> Jobs<M> {
    pub(super) fn new() -> Self {
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Self { waiting: VecDeque::new(), running: JoinSet::new(), at_once }
    }

    pub(super) fn start(&mut self, job: Job<M>) {
        self.waiting.push_back(job);
        self.fill();
    }

    /// The next result. Waits for ever if nothing runs.
    ///
    /// # Errors
    /// The job panicked, which is a bug.
    pub(super) async fn next(&mut self) -> Result<M, JoinError> {
        match self.running.join_next().await {
            Some(result) => {
                self.fill();
                result
            }
            None => std::future::pending().await,
        }
    }

    fn fill(&mut self) {
        while self.running.len() < self.at_once
            && let Some(job) = self.waiting.pop_front()
        {
            self.running.spawn_blocking(job);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn all_jobs_run_and_never_more_than_allowed_at_once() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut jobs = Jobs::new();
        jobs.at_once = 2;
        for i in 0..20u32 {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            jobs.start(Box::new(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
                i
            }));
        }
        let mut results = Vec::new();
        for _ in 0..20 {
            results.push(jobs.next().await.unwrap());
        }
        results.sort_unstable();
        assert_eq!(results, (0..20).collect::<Vec<_>>());
        assert!(most.load(Ordering::SeqCst) <= 2);
    }
}
