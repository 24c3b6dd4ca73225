//! A graph while it is written down: names, constants, operations, and the first mistake.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use super::program::{Attribute, Constant, Domain, Numbers, Operation, Port, Program};
use super::{Kind, RowCount, Value, Wire};
use crate::{Error, Result};

/// A graph to which operations are added. Adding never fails: tables that do not fit each other are
/// a mistake of ours, which [`Graph::finish`] reports.
///
/// ```
/// # use gristmill_core::graph::{Graph, Kind};
/// let graph = Graph::new();
/// let x = graph.input("x", Kind::Numbers);
/// let centred = graph.subtract(graph.single(x), graph.number(2.0));
/// let scaled = graph.divide(centred, graph.number(4.0));
/// graph.output("scaled", scaled);
/// let program = graph.finish()?;
/// assert_eq!(program.operations.iter().map(|o| o.operator).collect::<Vec<_>>(), ["Sub", "Div"]);
/// # Ok::<(), gristmill_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Graph {
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    program: Program,
    /// The name of each value by its id.
    names: Vec<String>,
    taken: HashSet<String>,
    /// Constants of one number by its bits.
    known: BTreeMap<u64, Value>,
    /// The step that is being written down.
    step: String,
    /// How many rows are asked about.
    count: Option<Value>,
    mistake: Option<String>,
}

impl State {
    fn value(&mut self, name: String, kind: Kind, width: usize, rows: RowCount) -> Value {
        let id = self.names.len() as u32;
        self.names.push(name);
        Value { id, kind, width, rows }
    }

    fn fresh(&mut self, name: &str) -> String {
        let mut fresh = name.to_owned();
        let mut count = 1;
        while !self.taken.insert(fresh.clone()) {
            count += 1;
            fresh = format!("{name}_{count}");
        }
        fresh
    }
}

/// What an operation gives.
pub(super) struct Given {
    pub kind: Kind,
    pub width: usize,
    pub rows: RowCount,
}

impl Graph {
    /// A graph without anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the step that what follows belongs to.
    pub fn begin(&self, step: &str) {
        self.state.borrow_mut().step = step.to_owned();
    }

    /// A column that is asked about.
    pub fn input(&self, name: &str, kind: Kind) -> Wire {
        let mut state = self.state.borrow_mut();
        if !state.taken.insert(name.to_owned()) {
            state.mistake.get_or_insert(format!("two inputs are called `{name}`"));
        }
        state.program.inputs.push(Port { name: name.into(), kind, width: 1 });
        state.value(name.to_owned(), kind, 1, RowCount::All).wire()
    }

    /// Answers with `value` under `name`, or the first of `name_2`, `name_3` and so on that no
    /// input has.
    pub fn output(&self, name: &str, value: Value) {
        let value = self.spread(value);
        let mut state = self.state.borrow_mut();
        let name = state.fresh(name);
        let from = state.names[value.id as usize].clone();
        let port = Port { name: name.clone(), kind: value.kind, width: value.width };
        state.program.outputs.push(port);
        let operation = Operation {
            name: format!("output/{name}"),
            operator: "Identity",
            domain: Domain::Tensors,
            inputs: vec![from],
            outputs: vec![name],
            attributes: Vec::new(),
        };
        state.program.operations.push(operation);
    }

    /// The finished graph; an output that only repeats a result takes its place.
    ///
    /// # Errors
    /// [`Error::Bug`] when tables did not fit each other.
    pub fn finish(self) -> Result<Program> {
        let State { mut program, mistake, .. } = self.state.into_inner();
        if let Some(mistake) = mistake {
            return Err(Error::Bug(format!("a pipeline was written down wrongly: {mistake}")));
        }
        program.rename_outputs();
        Ok(program)
    }

    /// Keeps the first mistake.
    pub(super) fn mistaken(&self, what: impl FnOnce() -> String) {
        let mut state = self.state.borrow_mut();
        let step = state.step.clone();
        state.mistake.get_or_insert_with(|| format!("step `{step}`: {}", what()));
    }

    /// A constant of any shape, for operands that are no tables.
    pub(super) fn constant(&self, numbers: Numbers, shape: &[usize]) -> Value {
        let kind = match numbers {
            Numbers::F64(_) => Kind::Numbers,
            Numbers::Words(_) => Kind::Words,
            Numbers::I64(_) | Numbers::U8(_) => Kind::Integers,
        };
        if shape.iter().product::<usize>() != numbers.len() {
            self.mistaken(|| format!("{} elements do not have the shape {shape:?}", numbers.len()));
        }
        let mut state = self.state.borrow_mut();
        let name = format!("constant/{}", state.names.len());
        let name = state.fresh(&name);
        state.program.constants.push((name.clone(), Constant { shape: shape.to_vec(), numbers }));
        let width = shape.last().copied().unwrap_or(1);
        state.value(name, kind, width, RowCount::One)
    }

    /// One number for all rows.
    pub fn number(&self, number: f64) -> Value {
        let known = self.state.borrow().known.get(&number.to_bits()).copied();
        known.unwrap_or_else(|| {
            let value = self.row(&[number]);
            self.state.borrow_mut().known.insert(number.to_bits(), value);
            value
        })
    }

    /// A number for each column, the same in all rows.
    pub fn row(&self, numbers: &[f64]) -> Value {
        self.constant(Numbers::F64(numbers.to_vec()), &[1, numbers.len()])
    }

    /// One integer for all rows.
    pub fn integer(&self, number: i64) -> Value {
        self.constant(Numbers::I64(vec![number]), &[1, 1])
    }

    /// One word for all rows.
    pub fn word(&self, word: &str) -> Value {
        self.constant(Numbers::Words(vec![word.to_owned()]), &[1, 1])
    }

    /// An operation of one result.
    pub(super) fn operation(
        &self,
        (domain, operator): (Domain, &'static str),
        operands: &[Value],
        attributes: Vec<(&'static str, Attribute)>,
        given: Given,
    ) -> Value {
        let results = self.operations((domain, operator), operands, attributes, vec![given]);
        results[0]
    }

    /// An operation of several results.
    pub(super) fn operations(
        &self,
        (domain, operator): (Domain, &'static str),
        operands: &[Value],
        attributes: Vec<(&'static str, Attribute)>,
        given: Vec<Given>,
    ) -> Vec<Value> {
        let mut state = self.state.borrow_mut();
        let inputs = operands.iter().map(|v| state.names[v.id as usize].clone()).collect();
        let step = if state.step.is_empty() { "pipeline" } else { &state.step };
        let name = format!("{step}/{operator}_{}", state.program.operations.len());
        let name = state.fresh(&name);
        let mut outputs = Vec::with_capacity(given.len());
        let mut values = Vec::with_capacity(given.len());
        for (at, given) in given.into_iter().enumerate() {
            let result = state.fresh(&format!("{name}/{at}"));
            outputs.push(result.clone());
            values.push(state.value(result, given.kind, given.width, given.rows));
        }
        let operation = Operation { name, operator, domain, inputs, outputs, attributes };
        state.program.operations.push(operation);
        values
    }

    /// The same rows in all rows that are asked about, where there is one for all of them.
    pub fn spread(&self, value: Value) -> Value {
        if value.rows == RowCount::All {
            return value;
        }
        let shape = [self.count(), self.constant(Numbers::I64(vec![1]), &[1])];
        let given = |kind, width, rows| Given { kind, width, rows };
        let join = vec![("axis", Attribute::Integer(0))];
        let shape = self.operation(
            (Domain::Tensors, "Concat"),
            &shape,
            join,
            given(Kind::Integers, 2, RowCount::One),
        );
        self.operation(
            (Domain::Tensors, "Expand"),
            &[value, shape],
            Vec::new(),
            given(value.kind, value.width, RowCount::All),
        )
    }

    /// The number of rows, in one dimension.
    fn count(&self) -> Value {
        if let Some(count) = self.state.borrow().count {
            return count;
        }
        let first = {
            let mut state = self.state.borrow_mut();
            let Some(port) = state.program.inputs.first().cloned() else {
                state.mistake.get_or_insert("nothing is asked about".into());
                return Value { id: 0, kind: Kind::Integers, width: 1, rows: RowCount::One };
            };
            state.value(port.name, port.kind, 1, RowCount::All)
        };
        let first_only = vec![("start", Attribute::Integer(0)), ("end", Attribute::Integer(1))];
        let given = Given { kind: Kind::Integers, width: 1, rows: RowCount::One };
        let count = self.operation((Domain::Tensors, "Shape"), &[first], first_only, given);
        self.state.borrow_mut().count = Some(count);
        count
    }
}

impl Program {
    /// Lets results that are answered have the names of the answers.
    fn rename_outputs(&mut self) {
        let inputs: HashSet<String> = self.inputs.iter().map(|port| port.name.clone()).collect();
        let (copies, mut operations): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.operations).into_iter().partition(is_copy);
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        let mut kept = Vec::new();
        for copy in copies {
            let (from, to) = (&copy.inputs[0], &copy.outputs[0]);
            if inputs.contains(from) || renamed.contains_key(from) || self.is_constant(from) {
                kept.push(copy);
            } else {
                renamed.insert(from.clone(), to.clone());
            }
        }
        operations.extend(kept);
        for operation in &mut operations {
            for name in operation.inputs.iter_mut().chain(&mut operation.outputs) {
                if let Some(to) = renamed.get(name) {
                    name.clone_from(to);
                }
            }
        }
        self.operations = operations;
    }

    fn is_constant(&self, name: &str) -> bool {
        self.constants.iter().any(|(constant, _)| constant == name)
    }
}

fn is_copy(operation: &Operation) -> bool {
    operation.operator == "Identity"
}
