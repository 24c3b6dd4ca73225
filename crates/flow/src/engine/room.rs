//! How much of the machine is taken by the tasks at work.

use std::collections::BTreeMap;

use super::{Capacity, Demand};

/// What a machine has, and what of it is taken.
pub(super) struct Room {
    capacity: Capacity,
    cpu: u64,
    memory: u128,
    pools: BTreeMap<String, u64>,
}

/// Whether there is room for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// There is.
    Fits,
    /// A pool that it needs is full.
    PoolFull,
    /// Cores or memory are taken.
    MachineFull,
}

impl Room {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self { capacity, cpu: 0, memory: 0, pools: BTreeMap::new() }
    }

    /// Whether a task fits in beside those at work. One that asks for more than there is fits
    /// when it is alone with that.
    pub(super) fn fit(&self, demand: &Demand) -> Fit {
        let full = |taken: u128, wanted: u128, all: u128| taken + wanted.min(all) > all;
        let pool_full = |(name, wanted): (&String, &u32)| {
            let taken = self.pools.get(name).copied().unwrap_or_default();
            full(taken.into(), (*wanted).into(), self.capacity.pool(name).into())
        };
        if demand.pools.iter().any(pool_full) {
            return Fit::PoolFull;
        }
        let cpu = full(self.cpu.into(), demand.cpu.into(), self.capacity.cpu.into());
        let memory = full(self.memory, demand.memory.into(), self.capacity.memory.into());
        if cpu || memory { Fit::MachineFull } else { Fit::Fits }
    }

    pub(super) fn take(&mut self, demand: &Demand) {
        self.cpu += u64::from(demand.cpu.min(self.capacity.cpu));
        self.memory += u128::from(demand.memory.min(self.capacity.memory));
        for (name, wanted) in &demand.pools {
            let wanted = (*wanted).min(self.capacity.pool(name));
            *self.pools.entry(name.clone()).or_default() += u64::from(wanted);
        }
    }

    pub(super) fn give_back(&mut self, demand: &Demand) {
        let cpu = demand.cpu.min(self.capacity.cpu);
        self.cpu = self.cpu.saturating_sub(cpu.into());
        let memory = demand.memory.min(self.capacity.memory);
        self.memory = self.memory.saturating_sub(memory.into());
        for (name, wanted) in &demand.pools {
            let wanted = (*wanted).min(self.capacity.pool(name));
            if let Some(taken) = self.pools.get_mut(name) {
                *taken = taken.saturating_sub(wanted.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(cpu: u32, memory: u64, pools: &[(&str, u32)]) -> Demand {
        let pools = pools.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        Demand { cpu, memory, pools }
    }

    fn room() -> Room {
        Room::new(Capacity { cpu: 2, memory: 10, pools: [("db".to_owned(), 2)].into() })
    }

    #[track_caller]
    fn check(taken: &[Demand], wanted: Demand, expected: Fit) {
        let mut room = room();
        taken.iter().for_each(|demand| room.take(demand));
        assert_eq!(room.fit(&wanted), expected);
        taken.iter().for_each(|demand| room.give_back(demand));
        assert_eq!(room.fit(&wanted), Fit::Fits, "an empty room takes any task");
    }

    #[test]
    fn each_kind_of_room_is_counted() {
        check(&[demand(1, 0, &[])], demand(1, 0, &[]), Fit::Fits);
        check(&[demand(2, 0, &[])], demand(1, 0, &[]), Fit::MachineFull);
        check(&[demand(0, 6, &[])], demand(0, 5, &[]), Fit::MachineFull);
        check(&[demand(0, 0, &[("db", 1)])], demand(0, 0, &[("db", 1)]), Fit::Fits);
        check(&[demand(0, 0, &[("db", 1)])], demand(0, 0, &[("db", 2)]), Fit::PoolFull);
    }

    #[test]
    fn a_pool_that_nobody_sized_has_one_place() {
        check(&[demand(0, 0, &[("gpu", 1)])], demand(0, 0, &[("gpu", 1)]), Fit::PoolFull);
    }

    #[test]
    fn who_asks_for_more_than_there_is_waits_to_be_alone() {
        check(&[demand(1, 0, &[])], demand(64, 0, &[]), Fit::MachineFull);
        check(&[demand(64, 1 << 40, &[("db", 9)])], demand(1, 0, &[]), Fit::MachineFull);
    }
}
