//! Where a run came from: commit, engine, machine, and who began it.

mod git;

use std::collections::BTreeMap;
use std::path::Path;

use gristmill_track::tags;

/// Tags that say where work in `folder` came from. What cannot be found out is left out.
pub(crate) fn tags_of(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::from([
        (tags::ENGINE_VERSION.into(), env!("CARGO_PKG_VERSION").into()),
        (tags::OS.into(), system()),
        (tags::CPU.into(), processor()),
        (tags::FEATURES.into(), features().join(", ")),
        (tags::THREADS.into(), rayon::current_num_threads().to_string()),
        (tags::SOURCE_TYPE.into(), "LOCAL".into()),
    ]);
    found.extend(machine().map(|name| (tags::HOST.into(), name)));
    found.extend(user().map(|name| (tags::USER.into(), name)));
    found.extend(git::tags_of(folder));
    found
}

/// The name of this machine, where it has one.
pub(crate) fn machine() -> Option<String> {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| fs_err::read_to_string(Path::new(path)).ok())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_string())
        .filter(|name| !name.is_empty())
}

/// Whoever this process belongs to, by the variables that systems have for it.
fn user() -> Option<String> {
    let names = ["LOGNAME", "USER", "USERNAME"];
    names.iter().filter_map(|name| std::env::var(name).ok()).find(|name| !name.trim().is_empty())
}

/// The operating system, with its version where that can be read.
fn system() -> String {
    let name = std::env::consts::OS;
    match fs_err::read_to_string(Path::new("/proc/sys/kernel/osrelease")) {
        Ok(release) => format!("{name} {}", release.trim()),
        Err(_) => name.into(),
    }
}

/// The processor's architecture, with its model where that can be read.
fn processor() -> String {
    let architecture = std::env::consts::ARCH;
    let described = fs_err::read_to_string(Path::new("/proc/cpuinfo")).unwrap_or_default();
    let model = described.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim())
    });
    match model {
        Some(model) => format!("{architecture}, {model}"),
        None => architecture.into(),
    }
}

/// Which of the instructions that kernels are written for the processor has: sums may differ in
/// their last bit with them.
fn features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let found = [
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let found: [(&'static str, bool); 0] = [];
    found.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}
