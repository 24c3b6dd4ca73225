//! What acknowledged writes survive.

/// What a write survives once it was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The death of the process (`kill -9`), but perhaps not of the machine.
    #[default]
    Process,
    /// A power cut too: each commit waits for the disk.
    Power,
}
