//! The layouts of the database, one step each from the layout before: a database's version is how
//! many of them it has seen. Written once for every database; a step that was released never changes.

/// The steps in order.
pub(crate) const MIGRATIONS: [&str; 13] = [
    include_str!("../migrations/0001_start.sql"),
    include_str!("../migrations/0002_tasks.sql"),
    include_str!("../migrations/0003_deployments.sql"),
    include_str!("../migrations/0004_snapshots.sql"),
    include_str!("../migrations/0005_clients.sql"),
    include_str!("../migrations/0006_registry.sql"),
    include_str!("../migrations/0007_leads.sql"),
    include_str!("../migrations/0008_care.sql"),
    include_str!("../migrations/0009_traffic.sql"),
    include_str!("../migrations/0010_labels.sql"),
    include_str!("../migrations/0011_loops.sql"),
    include_str!("../migrations/0012_notices.sql"),
    include_str!("../migrations/0013_newest.sql"),
];
