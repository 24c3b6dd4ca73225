use super::*;

fn operators(graph: Graph) -> Vec<&'static str> {
    graph.finish().unwrap().operations.iter().map(|operation| operation.operator).collect()
}

#[test]
fn columns_that_were_made_together_stay_together() {
    let graph = Graph::new();
    let columns = ["a", "b", "c"].map(|name| graph.input(name, Kind::Numbers));
    let scaled = graph.changed(&columns, &[0, 1, 2], |x| graph.divide(x, graph.row(&[1., 2., 3.])));
    let again = graph.changed(&scaled, &[0, 1, 2], |x| graph.exp(x));
    graph.output("out", graph.matrix(&again));
    assert_eq!(operators(graph), ["Concat", "Div", "Exp"]);
}

#[test]
fn a_column_taken_out_alone_is_gathered() {
    let graph = Graph::new();
    let table = graph.multiply(graph.single(graph.input("a", Kind::Numbers)), graph.row(&[1., 2.]));
    graph.output("second", graph.single(table.wires()[1]));
    assert_eq!(operators(graph), ["Mul", "Gather"]);
}

#[test]
fn an_answer_for_all_rows_is_given_to_each() {
    let graph = Graph::new();
    graph.input("a", Kind::Words);
    graph.output("seven", graph.number(7.0));
    assert_eq!(operators(graph), ["Shape", "Concat", "Expand"]);
}

#[test]
fn an_output_steps_aside_for_an_input_of_its_name() {
    let graph = Graph::new();
    let label = graph.input("label", Kind::Numbers);
    graph.output("label", graph.single(label));
    let program = graph.finish().unwrap();
    assert_eq!(program.outputs[0].name, "label_2");
    assert_eq!(program.operations[0].outputs, ["label_2"]);
}

#[test]
fn an_answer_given_twice_has_both_names() {
    let graph = Graph::new();
    let doubled = graph.exp(graph.single(graph.input("x", Kind::Numbers)));
    graph.output("once", doubled);
    graph.output("again", doubled);
    let program = graph.finish().unwrap();
    let named: Vec<_> = program.operations.iter().flat_map(|o| o.outputs.clone()).collect();
    assert_eq!(named, ["once", "again"]);
    assert_eq!(program.operations[1].inputs, ["once"]);
}

#[track_caller]
fn check_refused(write: impl Fn(&Graph), expected: &str) {
    let graph = Graph::new();
    graph.begin("some_step");
    write(&graph);
    let error = graph.finish().unwrap_err().to_string();
    assert!(error.contains("some_step") && error.contains(expected), "{error}");
}

#[test]
fn tables_that_do_not_fit_each_other_are_a_mistake() {
    check_refused(
        |graph| {
            graph.add(graph.row(&[1., 2.]), graph.row(&[1., 2., 3.]));
        },
        "`Add`",
    );
    check_refused(
        |graph| {
            graph.less(graph.number(1.), graph.integer(1));
        },
        "`Less`",
    );
    check_refused(
        |graph| {
            graph.times(graph.row(&[1., 2.]), &[1., 2., 3.], 1);
        },
        "multiplied with 3 numbers",
    );
    check_refused(
        |graph| {
            graph.columns(graph.number(1.), &[4]);
        },
        "column 4",
    );
}

#[test]
fn the_empty_word_cannot_be_a_category() {
    let graph = Graph::new();
    let words = graph.single(graph.input("w", Kind::Words));
    let error = graph.number_of_word(words, [("", 1.0)], 0.0, 0.0).unwrap_err().to_string();
    assert!(error.contains("empty word"), "{error}");
}
