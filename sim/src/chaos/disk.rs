//! Disks that can be full.
//!
//! Where this process may mount, a member's folder is a small file system in memory, filled by a file
//! beside its data. Elsewhere the node's process may write no file beyond its first bytes, which ends it
//! with a signal at the next write.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// Size of such a file system: the data directory of a long run, twice, for what is written anew.
const SIZE: &core::ffi::CStr = c"size=192m,mode=0700";

/// Beyond which byte nothing is written to any file.
const LIMIT: u64 = 512;

/// A member's folder.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    mounted: bool,
}

impl Disk {
    pub(super) fn at(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), mounted: false })
    }

    /// The same as a file system of its own, where that is allowed.
    pub(super) fn mounted(mut self) -> Self {
        let flags = MountFlags::NODEV | MountFlags::NOSUID;
        self.mounted = mount("quorate-chaos", &self.folder, "tmpfs", flags, Some(SIZE)).is_ok();
        self
    }

    /// Whether it is one.
    pub(super) const fn is_own(&self) -> bool {
        self.mounted
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves no room for what a process writes.
    pub(super) fn fill(&self, process: Pid) -> io::Result<()> {
        if !self.mounted {
            let limit = Rlimit { current: Some(LIMIT), maximum: Some(LIMIT) };
            prlimit(Some(process), Resource::Fsize, limit)?;
            return Ok(());
        }
        let mut filler = File::create(self.filler())?;
        // To the last byte.
        for size in [1 << 20, 1 << 12, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
        Ok(())
    }

    /// Makes room.
    pub(super) fn clear(&self) {
        let _ = fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }

    /// Copies what is on a file system of its own to where it outlives that.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        if !self.mounted {
            return Ok(());
        }
        let kept = self.folder.with_extension("kept");
        super::cluster::copy_folder(&self.folder, &kept)?;
        unmount(&self.folder, UnmountFlags::DETACH)?;
        self.mounted = false;
        fs::remove_dir(&self.folder)?;
        fs::rename(kept, &self.folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = unmount(&self.folder, UnmountFlags::DETACH);
        }
    }
}
