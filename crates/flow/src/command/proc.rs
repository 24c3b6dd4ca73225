//! What Linux tells of the processes of a machine, in `/proc`.

use rustix::process::Pid;

/// The processes of this machine.
pub(super) fn processes() -> Vec<Pid> {
    let Ok(entries) = fs_err::read_dir("/proc") else { return Vec::new() };
    let names = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    names.filter_map(Pid::from_raw).collect()
}

/// Whether a process was started with this variable. What belongs to other users is not told.
pub(super) fn has_variable(process: Pid, name: &str, value: &str) -> bool {
    let wanted = format!("{name}={value}");
    let variables = fs_err::read(format!("/proc/{}/environ", process.as_raw_nonzero()));
    variables.is_ok_and(|bytes| bytes.split(|b| *b == 0).any(|v| v == wanted.as_bytes()))
}

/// Whether any process of this group has not ended.
pub(super) fn has_living_members(group: Pid) -> bool {
    let wanted = group.as_raw_nonzero().get();
    processes().into_iter().any(|process| {
        let stat = fs_err::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
        stat.is_ok_and(|stat| state_and_group(&stat).is_some_and(|(s, g)| s != 'Z' && g == wanted))
    })
}

/// From a line such as `12 (a name) S 1 12 ...`, whose name may hold anything.
fn state_and_group(stat: &str) -> Option<(char, i32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let group = fields.nth(1)?.parse().ok()?;
    Some((state, group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_hides_nothing() {
        assert_eq!(state_and_group("12 (a) Z 1 (b) S 1 77 77 0"), Some(('S', 77)));
        assert_eq!(state_and_group("12 (a"), None);
    }

    #[test]
    fn this_process_is_among_them() {
        let this = rustix::process::getpid();
        assert!(processes().contains(&this));
        assert!(has_living_members(rustix::process::getpgrp()));
        assert!(!has_variable(this, "GRISTMILL_NO_SUCH", "x"));
    }
}
