//! Half a core for a proxy: a control group with a CPU quota.
//!
//! Without it the load generator is the bottleneck of a fast proxy, which then wakes more often in
//! smaller batches, and a slower proxy can show more requests per second. It only limits CPU time;
//! memory and I/O stay unlimited.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The mounted hierarchy that can limit CPU time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    version: Version,
    mount: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A control group of our own, removed when dropped. Its processes must have ended by then.
#[derive(Debug)]
pub(crate) struct Cage {
    folder: PathBuf,
}

/// Finds the hierarchy, or says on the terminal that the run goes without a quota.
pub(crate) fn find_or_explain() -> Option<Hierarchy> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let tried = find(&mounts, |mount| mount.join("cgroup.controllers"))
        .ok_or_else(|| "no cgroup hierarchy with the cpu controller is mounted".to_owned())
        .and_then(|hierarchy| {
            hierarchy.sweep();
            hierarchy.cage("probe", 50).map(|_| hierarchy)
        });
    match tried {
        Ok(hierarchy) => Some(hierarchy),
        Err(reason) => {
            eprintln!("bench: NO CPU QUOTA: {reason}");
            eprintln!("bench: the proxies get a whole core; requests per second may measure the load generator");
            None
        }
    }
}

/// Picks the hierarchy out of the mount table. `controllers` names the file that lists what a
/// version 2 mount controls.
pub(crate) fn find(mounts: &str, controllers: impl Fn(&Path) -> PathBuf) -> Option<Hierarchy> {
    mounts.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, mount, kind, options, ..] = words.as_slice() else { return None };
        let mount = PathBuf::from(mount);
        match *kind {
            "cgroup" if options.split(',').any(|option| option == "cpu") => {
                Some(Hierarchy { version: Version::One, mount })
            }
            "cgroup2" => {
                let listed = fs::read_to_string(controllers(&mount)).unwrap_or_default();
                let has_cpu = listed.split_whitespace().any(|name| name == "cpu");
                has_cpu.then_some(Hierarchy { version: Version::Two, mount })
            }
            _ => None,
        }
    })
}

impl Hierarchy {
    /// Makes a group whose processes may use this share of one core together.
    pub(crate) fn cage(&self, name: &str, percent: u32) -> Result<Cage, String> {
        let quota_us = PERIOD_US * percent / 100;
        if self.version == Version::Two {
            // Harmless when it is on already; the quota below fails clearly when it stays off.
            let _ = fs::write(self.mount.join("cgroup.subtree_control"), "+cpu");
        }
        let folder = self.mount.join(format!("{PREFIX}{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let cage = Cage { folder };
        match self.version {
            Version::One => {
                cage.set("cpu.cfs_period_us", &PERIOD_US.to_string())?;
                cage.set("cpu.cfs_quota_us", &quota_us.to_string())?;
            }
            Version::Two => cage.set("cpu.max", &format!("{quota_us} {PERIOD_US}"))?,
        }
        Ok(cage)
    }

    /// Removes groups that an interrupted run left behind; those in use refuse by themselves.
    fn sweep(&self) {
        let entries = fs::read_dir(&self.mount).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

impl Cage {
    /// The file that a process writes its number to in order to enter.
    pub(crate) fn door(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    fn set(&self, file: &str, value: &str) -> Result<(), String> {
        let path = self.folder.join(file);
        fs::write(&path, value).map_err(|error| format!("{} = {value}: {error}", path.display()))
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        // The kernel needs a moment to forget the last process.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Short, so that a throttled proxy answers again within 2.5 ms.
const PERIOD_US: u32 = 5000;
const PREFIX: &str = "evener-bench-";
