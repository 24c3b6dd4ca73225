//! The latest rows of each group, in memory, within bounds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gristmill_core::Frame;

use super::HistoryLimits;
use super::group::Group;
use super::layout::{GroupName, KeyPart, Layout, Place, Row, row};
use super::windows::Windows;
use crate::{Refusal, Result};

/// The latest rows of each group.
pub(crate) struct Buffer {
    layout: Layout,
    limits: HistoryLimits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    groups: HashMap<GroupName, Group>,
    /// Which group was asked about when, counted in requests' groups.
    by_use: BTreeMap<u64, GroupName>,
    uses: u64,
    rows: usize,
    bytes: usize,
    forgotten: u64,
    /// How far back each version that uses the buffer looks.
    windows: Vec<Windows>,
}

/// How much a buffer keeps at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryFigures {
    /// How many groups.
    pub groups: usize,
    /// How many rows, all groups together.
    pub rows: usize,
    /// How many bytes these take.
    pub bytes: usize,
    /// How many groups were forgotten so far since there were too many.
    pub forgotten: u64,
}

/// The rows of a request, each with its place.
pub(super) struct Sent {
    rows: Vec<(Option<Place>, Row)>,
}

impl Sent {
    /// The groups in the order of the request, each with the ranks and positions of its rows.
    fn by_group(&self) -> Vec<(&GroupName, Vec<(i64, usize)>)> {
        let mut places: HashMap<&GroupName, usize> = HashMap::new();
        let mut groups: Vec<(&GroupName, Vec<(i64, usize)>)> = Vec::new();
        for (at, (place, _)) in self.rows.iter().enumerate() {
            let Some(Place { group, rank }) = place else { continue };
            let known = *places.entry(group).or_insert(groups.len());
            match groups.get_mut(known) {
                Some((_, rows)) => rows.push((*rank, at)),
                None => groups.push((group, vec![(*rank, at)])),
            }
        }
        groups
    }
}

impl Buffer {
    /// An empty buffer for rows that are looked at through these windows.
    pub fn new(layout: Layout, limits: HistoryLimits, windows: Windows) -> Self {
        let state = State { windows: vec![windows], ..State::default() };
        Self { layout, limits, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this buffer becomes when its version takes over from that of another one: the same buffer
    /// where their columns are the same, else a copy of its rows where these fit, else itself.
    pub fn after(self: Arc<Self>, before: &Arc<Self>, windows: &Windows) -> Arc<Self> {
        let Some(positions) = self.layout.within(&before.layout) else { return self };
        let same = positions.iter().copied().eq(0..before.layout.columns())
            && before.layout.within(&self.layout).is_some();
        if same {
            before.state().look_through(windows);
            return Arc::clone(before);
        }
        self.state().copy(&before.state(), &positions);
        self
    }

    /// The rows of a request.
    pub fn sent(&self, rows: &Frame) -> Result<Sent> {
        let places = self.layout.places(rows)?.into_iter().enumerate();
        let rows = places.map(|(at, place)| Ok((place, row(rows, at)?)));
        Ok(Sent { rows: rows.collect::<Result<_>>()? })
    }

    /// The rows that are kept and that the answers depend on to the rows of a request but the first
    /// `history` ones. A row that stands where one of the request's stands gives way to it.
    ///
    /// # Errors
    /// [`Refusal::Bad`] when an answer depends on rows that are gone.
    pub fn before(&self, sent: &Sent, history: usize, windows: &Windows) -> Result<Vec<Row>> {
        let state = self.state();
        let mut before = Vec::new();
        for (name, rows) in sent.by_group() {
            let Some(group) = state.groups.get(name) else { continue };
            let own: BTreeSet<i64> = rows.iter().map(|(rank, _)| *rank).collect();
            let kept = || group.rows().iter().filter(|(rank, _)| !own.contains(rank));
            let mut ranks: Vec<i64> =
                kept().map(|(rank, _)| *rank).chain(rows.iter().map(|(rank, _)| *rank)).collect();
            ranks.sort_unstable();
            let mut first = ranks.len();
            for (rank, at) in rows.iter().filter(|(_, at)| *at >= history) {
                let place = ranks.partition_point(|known| known < rank);
                let reach = windows.reach(&ranks, place, group.gone);
                first = first.min(reach.ok_or_else(|| unknown(name, at - history, group.len()))?);
            }
            if let Some(since) = ranks.get(first) {
                let needed = kept().filter(|(rank, _)| rank >= since);
                before.extend(needed.map(|(_, row)| Arc::clone(row)));
            }
        }
        Ok(before)
    }

    /// Keeps the rows of a request.
    pub fn keep(&self, sent: &Sent) {
        let mut state = self.state();
        let windows = std::mem::take(&mut state.windows);
        for (name, rows) in sent.by_group() {
            state.change(Arc::clone(name), |group| {
                for (rank, at) in &rows {
                    if let Some((_, row)) = sent.rows.get(*at) {
                        group.put(*rank, Arc::clone(row));
                    }
                }
                if let Some(oldest) = rows.iter().map(|(rank, _)| *rank).min() {
                    group.trim(oldest, &windows, self.limits.most_rows());
                }
            });
        }
        state.windows = windows;
        state.shrink(self.limits);
    }

    pub fn figures(&self) -> HistoryFigures {
        let state = self.state();
        let (groups, rows) = (state.groups.len(), state.rows);
        HistoryFigures { groups, rows, bytes: state.bytes, forgotten: state.forgotten }
    }
}

impl State {
    /// Changes a group, which is from now on the one that was asked about last.
    fn change(&mut self, name: GroupName, change: impl FnOnce(&mut Group)) {
        self.uses += 1;
        let group = self.groups.entry(Arc::clone(&name)).or_default();
        self.by_use.remove(&group.used);
        self.by_use.insert(self.uses, name);
        group.used = self.uses;
        let (rows, bytes) = (group.len(), group.bytes);
        change(group);
        self.rows = self.rows + group.len() - rows;
        self.bytes = self.bytes + group.bytes - bytes;
    }

    /// Forgets groups until the others are within the limits.
    fn shrink(&mut self, limits: HistoryLimits) {
        while self.groups.len() > limits.groups || self.bytes > limits.bytes {
            let Some((_, name)) = self.by_use.pop_first() else { return };
            if let Some(group) = self.groups.remove(&name) {
                self.rows -= group.len();
                self.bytes -= group.bytes;
                self.forgotten += 1;
            }
        }
    }

    /// One more version that looks back. Where it may look further than those before, what was dropped
    /// for them counts as if it had never been.
    fn look_through(&mut self, windows: &Windows) {
        if !self.windows.contains(windows) {
            self.windows.push(windows.clone());
            self.groups.values_mut().for_each(|group| group.gone = None);
        }
    }

    /// Takes the rows of another buffer over, whose columns these are.
    fn copy(&mut self, other: &Self, columns: &[usize]) {
        for name in other.by_use.values() {
            let Some(group) = other.groups.get(name) else { continue };
            for (rank, row) in group.rows() {
                let values = columns.iter().filter_map(|at| row.get(*at).cloned());
                self.change(Arc::clone(name), |own| own.put(*rank, values.collect()));
            }
        }
    }
}

/// An answer that would have to go by rows that are gone.
fn unknown(group: &GroupName, row: usize, kept: usize) -> Refusal {
    let part = |part: &KeyPart| match part {
        KeyPart::Number(bits) => f64::from_bits(*bits).to_string(),
        KeyPart::Moment(moment) => moment.to_string(),
        KeyPart::Word(word) => word.to_string(),
    };
    let group: Vec<String> = group.iter().map(part).collect();
    let of = match group.is_empty() {
        true => String::new(),
        false => format!(" of group `{}`", group.join(", ")),
    };
    Refusal::bad(format!(
        "row {} looks back further than the latest {kept} rows{of}, which are all that is kept; give the rows \
         before it as `history`, or say `\"history\": \"request\"` to go by the rows of the request alone",
        row + 1
    ))
}
