//! What the process holds of the machine's memory, and giving back what it has no use for.
//!
//! It does not know who uses memory, nor when it is worth giving back: the control thread decides.

use std::io;

/// Bytes of the process that are in RAM.
pub fn resident() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.ok_or(io::ErrorKind::InvalidData)? * 1024)
}

/// Gives freed memory back to the system. glibc keeps it: it returns by itself only what lies at the end of an arena, and
/// one small thing that is still used there keeps all that lies before it. Each arena is locked while it is looked through,
/// so that a thread that needs memory of it meanwhile waits. Another libc does nothing here.
#[cfg_attr(target_env = "gnu", expect(unsafe_code, reason = "no crate has a safe call for it"))]
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim(3) may be called at any time and from any thread, and touches free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    #[cfg(target_env = "gnu")]
    fn what_was_freed_below_something_used_is_given_back() {
        let mut pieces: Vec<Vec<u8>> = (0..64 * MIB / 2048).map(|_| vec![1; 2048]).collect();
        let used = resident().unwrap();
        // The last piece stays, at the end.
        let last = pieces.split_off(pieces.len() - 1);
        drop(pieces);
        give_back();
        let left = resident().unwrap();
        assert!(left + 48 * MIB as u64 <= used, "{left} of {used} bytes are left");
        drop(last);
    }
}
