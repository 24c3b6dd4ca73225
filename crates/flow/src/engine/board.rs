//! Which tasks are settled, which can go on, and who waits for them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What several workers take tasks from, each task once all that it needs are settled; the first
/// of the plan before later ones.
pub(super) struct Board<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    /// For each task how many of its needs are open.
    open_needs: Vec<usize>,
    /// For each task those that need it.
    dependents: Vec<Vec<usize>>,
    ready: BinaryHeap<Reverse<usize>>,
    settled: Vec<Option<T>>,
    /// How many tasks are not settled yet.
    open: usize,
}

impl<T: Clone> Board<T> {
    /// A board of tasks, of which each is given by the positions of those that it needs.
    pub(super) fn new(needs: &[Vec<usize>]) -> Self {
        let open_needs: Vec<usize> = needs.iter().map(Vec::len).collect();
        let ready = (0..needs.len()).filter(|i| needs.get(*i).is_some_and(Vec::is_empty));
        let state = State {
            ready: ready.map(Reverse).collect(),
            open_needs,
            dependents: dependents(needs),
            settled: vec![None; needs.len()],
            open: needs.len(),
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The next task that can be settled, waited for while others are at work; nothing once all
    /// are settled, or none can ever be.
    pub(super) fn next(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if let Some(Reverse(next)) = state.ready.pop() {
                return Some(next);
            }
            if state.open == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What became of these tasks; nothing of those that are not settled.
    pub(super) fn settled(&self, tasks: &[usize]) -> Vec<Option<T>> {
        let state = self.lock();
        tasks.iter().map(|task| state.settled.get(*task).cloned().flatten()).collect()
    }

    /// Says what became of a task, and wakes who waited for it.
    pub(super) fn settle(&self, task: usize, outcome: T) {
        let mut state = self.lock();
        let State { open_needs, dependents, ready, settled, open } = &mut *state;
        if let Some(slot) = settled.get_mut(task) {
            *slot = Some(outcome);
            *open = open.saturating_sub(1);
        }
        for &dependent in dependents.get(task).into_iter().flatten() {
            if let Some(needs) = open_needs.get_mut(dependent) {
                *needs -= 1;
                if *needs == 0 {
                    ready.push(Reverse(dependent));
                }
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Lets nobody wait for a worker that dies with the guard in its hands.
    pub(super) fn guard(&self) -> Guard<'_, T> {
        Guard(self)
    }

    fn give_up(&self) {
        let mut state = self.lock();
        state.ready.clear();
        state.open = 0;
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For each task those that need it.
pub(super) fn dependents(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut dependents = vec![Vec::new(); needs.len()];
    for (i, needs) in needs.iter().enumerate() {
        for &need in needs {
            if let Some(dependents) = dependents.get_mut(need) {
                dependents.push(i);
            }
        }
    }
    dependents
}

/// See [`Board::guard`].
pub(super) struct Guard<'a, T: Clone>(&'a Board<T>);

impl<T: Clone> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.give_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // by hand: 2 needs 0 and 1, 3 needs nothing
    fn a_task_is_given_out_once_its_needs_are_settled_and_the_first_goes_first() {
        let board = Board::new(&[vec![], vec![], vec![0, 1], vec![]]);
        assert_eq!([board.next(), board.next()], [Some(0), Some(1)]);
        board.settle(1, "one");
        board.settle(0, "zero");
        assert_eq!(board.settled(&[0, 1, 2]), [Some("zero"), Some("one"), None]);
        assert_eq!([board.next(), board.next()], [Some(2), Some(3)]);
        board.settle(3, "three");
        board.settle(2, "two");
        assert_eq!(board.next(), None);
    }
}
