//! Which tasks are settled, which can go on, and who waits for them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::room::{Fit, Room};
use super::{Cancel, Capacity, Demand};

/// How many workers there are at most, however little each task takes.
const MOST_WORKERS: usize = 256;
/// How often a task that waits for cores or memory is passed by smaller ones before they wait too.
const PATIENCE: u32 = 256;
/// How soon a wish to stop is heard by those who wait for a task that rests.
const TICK: Duration = Duration::from_millis(50);

/// What several workers take tasks from: each task once all that it needs are settled and there
/// is room for it, the most urgent first, then in the order of the plan.
pub(super) struct Board<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    cancel: Cancel,
}

/// What the board has to know of a task.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    /// The positions of the tasks that it needs.
    pub(super) needs: Vec<usize>,
    pub(super) demand: Demand,
    pub(super) priority: i32,
}

struct State<T> {
    spots: Vec<Spot<T>>,
    /// Tasks that could begin, those of equal demand together: when one of them does not fit,
    /// none does, so that ten thousand behind one place cost no more than one.
    queues: Vec<Queue>,
    queue_of: HashMap<Demand, usize>,
    /// Tasks that are tried again later.
    resting: BinaryHeap<Reverse<(Instant, usize)>>,
    room: Room,
    /// How many tasks are not settled yet.
    open: usize,
    workers: usize,
    idle: usize,
}

struct Spot<T> {
    open_needs: usize,
    dependents: Vec<usize>,
    queue: usize,
    priority: i32,
    settled: Option<T>,
}

struct Queue {
    demand: Demand,
    ready: BinaryHeap<(i32, Reverse<usize>)>,
    /// How often another task went first because this one did not fit.
    passed: u32,
}

impl<T: Clone> Board<T> {
    /// A board of these tasks.
    pub(super) fn new(tasks: Vec<Terms>, capacity: Capacity, cancel: Cancel) -> Self {
        let mut state = State {
            spots: Vec::with_capacity(tasks.len()),
            queues: Vec::new(),
            queue_of: HashMap::new(),
            resting: BinaryHeap::new(),
            room: Room::new(capacity),
            open: 0,
            workers: 1,
            idle: 0,
        };
        let needs: Vec<Vec<usize>> = tasks.iter().map(|task| task.needs.clone()).collect();
        for (task, dependents) in tasks.into_iter().zip(dependents(&needs)) {
            state.add(task, dependents);
        }
        Self { state: Mutex::new(state), changed: Condvar::new(), cancel }
    }

    /// The next task that can be settled, waited for while others are at work or rest; nothing
    /// once all are settled. After a wish to stop, every task that is open is given out at once.
    pub(super) fn next(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            let stop = self.cancel.is_cancelled();
            state.wake(stop);
            if let Some(next) = state.choose(stop) {
                return Some(next);
            }
            if state.open == 0 {
                return None;
            }
            state.idle += 1;
            state = match state.resting.peek() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(Reverse((moment, _))) => {
                    let rest = moment.saturating_duration_since(now()).min(TICK);
                    let woken = self.changed.wait_timeout(state, rest);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.idle -= 1;
        }
    }

    /// Whether one more worker would find a task at once. Who is told so starts one.
    pub(super) fn wants_a_worker(&self) -> bool {
        let mut state = self.lock();
        let wanted = state.idle == 0 && state.workers < MOST_WORKERS && state.best(false).is_some();
        state.workers += usize::from(wanted);
        wanted
    }

    /// What became of these tasks; nothing of those that are not settled.
    pub(super) fn settled(&self, tasks: &[usize]) -> Vec<Option<T>> {
        let state = self.lock();
        tasks.iter().map(|task| state.spots.get(*task)?.settled.clone()).collect()
    }

    /// Whether another task waits for this one.
    pub(super) fn is_awaited(&self, task: usize) -> bool {
        self.lock().spots.get(task).is_some_and(|spot| !spot.dependents.is_empty())
    }

    /// Says what became of a task that was given out, and wakes who waited for it.
    pub(super) fn settle(&self, task: usize, outcome: T) {
        let mut state = self.lock();
        state.give_back(task);
        let mut dependents = Vec::new();
        if let Some(spot) = state.spots.get_mut(task) {
            spot.settled = Some(outcome);
            dependents = std::mem::take(&mut spot.dependents);
        }
        state.open = state.open.saturating_sub(1);
        for dependent in dependents {
            state.need_settled(dependent);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Takes a task back that was given out, to be given out again after a rest.
    pub(super) fn rest(&self, task: usize, rest: Duration) {
        let mut state = self.lock();
        state.give_back(task);
        state.resting.push(Reverse((now() + rest, task)));
        drop(state);
        self.changed.notify_all();
    }

    /// Adds tasks that need nothing, and takes the one that was given out back until all of them
    /// are settled. Their positions come back.
    pub(super) fn extend(&self, task: usize, parts: Vec<Terms>) -> Range<usize> {
        let mut state = self.lock();
        state.give_back(task);
        let first = state.spots.len();
        if let Some(spot) = state.spots.get_mut(task) {
            spot.open_needs = parts.len();
        }
        if parts.is_empty() {
            state.ready(task);
        }
        for part in parts {
            state.add(Terms { needs: Vec::new(), ..part }, vec![task]);
        }
        let added = first..state.spots.len();
        drop(state);
        self.changed.notify_all();
        added
    }

    /// Lets nobody wait for a worker that dies with the guard in its hands.
    pub(super) fn guard(&self) -> Guard<'_, T> {
        Guard(self)
    }

    fn give_up(&self) {
        let mut state = self.lock();
        state.queues.iter_mut().for_each(|queue| queue.ready.clear());
        state.resting.clear();
        state.open = 0;
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn add(&mut self, task: Terms, dependents: Vec<usize>) {
        let queue = self.queue(task.demand);
        let (position, open_needs) = (self.spots.len(), task.needs.len());
        let priority = task.priority;
        self.spots.push(Spot { open_needs, dependents, queue, priority, settled: None });
        self.open += 1;
        if open_needs == 0 {
            self.ready(position);
        }
    }

    fn queue(&mut self, demand: Demand) -> usize {
        if let Some(queue) = self.queue_of.get(&demand) {
            return *queue;
        }
        self.queues.push(Queue { demand: demand.clone(), ready: BinaryHeap::new(), passed: 0 });
        let queue = self.queues.len() - 1;
        self.queue_of.insert(demand, queue);
        queue
    }

    fn ready(&mut self, task: usize) {
        let Some(spot) = self.spots.get(task) else { return };
        if let Some(queue) = self.queues.get_mut(spot.queue) {
            queue.ready.push((spot.priority, Reverse(task)));
        }
    }

    fn need_settled(&mut self, task: usize) {
        let Some(spot) = self.spots.get_mut(task) else { return };
        spot.open_needs = spot.open_needs.saturating_sub(1);
        if spot.open_needs == 0 {
            self.ready(task);
        }
    }

    fn give_back(&mut self, task: usize) {
        let queue = self.spots.get(task).and_then(|spot| self.queues.get(spot.queue));
        if let Some(queue) = queue {
            self.room.give_back(&queue.demand);
        }
    }

    /// Tasks that have rested can begin; all of them once somebody wishes to stop.
    fn wake(&mut self, stop: bool) {
        while let Some(Reverse((moment, task))) = self.resting.peek().copied() {
            if !stop && moment > now() {
                break;
            }
            self.resting.pop();
            self.ready(task);
        }
    }

    /// Takes the task that is to begin now, with the room that it needs.
    fn choose(&mut self, stop: bool) -> Option<usize> {
        let (best, passed) = self.best(stop)?;
        for queue in passed {
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.passed += 1;
            }
        }
        let queue = self.queues.get_mut(best)?;
        let (_, Reverse(task)) = queue.ready.pop()?;
        queue.passed = 0;
        self.room.take(&queue.demand);
        Some(task)
    }

    /// The queue whose first task is to begin now, and those whose first task is more urgent and
    /// waits for cores or memory.
    fn best(&self, stop: bool) -> Option<(usize, Vec<usize>)> {
        let heads = self.queues.iter().enumerate();
        let mut heads: Vec<_> =
            heads.filter_map(|(i, queue)| Some((queue.ready.peek()?, i, queue))).collect();
        heads.sort_by_key(|(head, ..)| Reverse(**head));
        let mut passed = Vec::new();
        for (_, i, queue) in heads {
            match self.room.fit(&queue.demand) {
                Fit::Fits => return Some((i, passed)),
                _ if stop => return Some((i, passed)),
                Fit::PoolFull => {}
                Fit::MachineFull if queue.passed >= PATIENCE => return None,
                Fit::MachineFull => passed.push(i),
            }
        }
        None
    }
}

/// What time it is for rests, which the machine's clock must not stretch when it is set.
#[allow(clippy::disallowed_methods, reason = "it measures rests, and shapes no result")]
fn now() -> Instant {
    Instant::now()
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

    fn terms(needs: &[usize]) -> Terms {
        Terms { needs: needs.to_vec(), ..Terms::default() }
    }

    fn board(tasks: Vec<Terms>, cpu: u32) -> Board<&'static str> {
        Board::new(tasks, Capacity::cores(cpu), Cancel::new())
    }

    #[test] // by hand: 2 needs 0 and 1, 3 needs nothing
    fn a_task_is_given_out_once_its_needs_are_settled_and_the_first_goes_first() {
        let board = board(vec![terms(&[]), terms(&[]), terms(&[0, 1]), terms(&[])], 2);
        assert_eq!([board.next(), board.next()], [Some(0), Some(1)]);
        board.settle(1, "one");
        board.settle(0, "zero");
        assert_eq!(board.settled(&[0, 1, 2]), [Some("zero"), Some("one"), None]);
        assert_eq!([board.next(), board.next()], [Some(2), Some(3)]);
        board.settle(3, "three");
        board.settle(2, "two");
        assert_eq!(board.next(), None);
    }

    #[test]
    fn the_most_urgent_goes_first() {
        let urgent = Terms { priority: 5, ..terms(&[]) };
        let board = board(vec![terms(&[]), urgent, terms(&[])], 1);
        let mut order = Vec::new();
        while let Some(task) = board.next() {
            order.push(task);
            board.settle(task, "done");
        }
        assert_eq!(order, [1, 0, 2]);
    }

    #[test]
    fn a_small_task_passes_a_large_one_but_not_for_ever() {
        let large = Terms { demand: Demand { cpu: 2, ..Demand::default() }, ..terms(&[]) };
        let mut tasks = vec![terms(&[]), large];
        tasks.resize_with(2 + 2 * PATIENCE as usize, || terms(&[]));
        let board = board(tasks, 2);
        assert_eq!([board.next(), board.next()], [Some(0), Some(2)]);
        // One of two places is always taken, so the large task waits, until it was passed so often.
        let mut running = [0, 2];
        for turn in 0..2 * PATIENCE as usize {
            board.settle(running[turn % 2], "done");
            if !board.wants_a_worker() {
                break;
            }
            running[turn % 2] = board.next().unwrap();
        }
        board.settle(*running.iter().max().unwrap(), "done");
        assert_eq!(board.next(), Some(1));
    }

    #[test]
    fn parts_are_given_out_before_the_task_that_was_spread() {
        let board = board(vec![terms(&[]), terms(&[0])], 2);
        assert_eq!(board.next(), Some(0));
        assert_eq!(board.extend(0, vec![terms(&[]), terms(&[])]), 2..4);
        assert_eq!([board.next(), board.next()], [Some(2), Some(3)]);
        board.settle(2, "part");
        board.settle(3, "part");
        assert_eq!(board.next(), Some(0));
        board.settle(0, "whole");
        assert_eq!(board.next(), Some(1));
    }

    #[test]
    fn a_task_that_rests_comes_back_and_a_wish_to_stop_wakes_it() {
        let board = board(vec![terms(&[])], 1);
        assert_eq!(board.next(), Some(0));
        board.rest(0, Duration::from_millis(1));
        assert_eq!(board.next(), Some(0));
        board.rest(0, Duration::from_secs(3_600));
        board.cancel.cancel();
        assert_eq!(board.next(), Some(0));
    }

    #[test]
    fn ten_thousand_behind_one_place_are_no_burden() {
        let pool = Demand { pools: [("one".to_owned(), 1)].into(), ..Demand::default() };
        let behind = Terms { demand: pool, ..terms(&[]) };
        let board = board(vec![behind; 10_000], 8);
        for expected in 0..10_000 {
            assert_eq!(board.next(), Some(expected));
            assert!(!board.wants_a_worker());
            board.settle(expected, "done");
        }
    }
}
