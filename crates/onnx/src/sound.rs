//! Whether a graph makes sense by itself, whoever wrote it down.

use std::collections::HashSet;

use gristmill_core::graph::Program;

use crate::{Error, Result};

/// Refuses a graph whose names are not unique, that uses what is made later or never, or that
/// answers nothing.
pub(crate) fn check(program: &Program) -> Result<()> {
    let unsound = |found: String| Err(Error::Unsound(found));
    let mut known: HashSet<&str> = HashSet::new();
    let given = program.inputs.iter().map(|port| port.name.as_str());
    for name in given.chain(program.constants.iter().map(|(name, _)| name.as_str())) {
        if name.is_empty() || !known.insert(name) {
            return unsound(format!("the name `{name}` is empty or stands twice"));
        }
    }
    for (name, constant) in &program.constants {
        if constant.shape.iter().product::<usize>() != constant.numbers.len() {
            return unsound(format!("`{name}` has not as many elements as its shape says"));
        }
    }
    for operation in &program.operations {
        if let Some(name) = operation.inputs.iter().find(|name| !known.contains(name.as_str())) {
            return unsound(format!("`{}` uses `{name}`, which is not there yet", operation.name));
        }
        for name in &operation.outputs {
            if name.is_empty() || !known.insert(name) {
                return unsound(format!("the name `{name}` is empty or stands twice"));
            }
        }
    }
    match program.outputs.iter().find(|port| !known.contains(port.name.as_str())) {
        Some(port) => unsound(format!("nothing makes its answer `{}`", port.name)),
        None if program.outputs.is_empty() => unsound("it answers nothing".into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::graph::{Domain, Kind, Operation, Port};

    use super::*;

    fn port(name: &str) -> Port {
        Port { name: name.into(), kind: Kind::Numbers, width: 1 }
    }

    fn operation(inputs: &[&str], outputs: &[&str]) -> Operation {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Operation {
            name: "step/Op".into(),
            operator: "Add",
            domain: Domain::Tensors,
            inputs: names(inputs),
            outputs: names(outputs),
            attributes: Vec::new(),
        }
    }

    #[track_caller]
    fn check_refused(operations: Vec<Operation>, expected: &str) {
        let (inputs, outputs) = (vec![port("x")], vec![port("y")]);
        let program = Program { inputs, outputs, constants: Vec::new(), operations };
        let error = check(&program).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_graph_that_contradicts_itself_is_refused() {
        check_refused(vec![], "nothing makes its answer `y`");
        check_refused(vec![operation(&["z"], &["y"])], "uses `z`");
        check_refused(vec![operation(&["x"], &["x"])], "`x` is empty or stands twice");
        let late = vec![operation(&["z"], &["y"]), operation(&["x"], &["z"])];
        check_refused(late, "not there yet");
    }
}
