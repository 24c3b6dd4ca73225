//! A fitted pipeline written down as a graph: its steps strung together, from raw columns to words.

use crate::graph::{Answers, Graph, Kind, Program, Wire};
use crate::{Error, FittedPipeline, Result, Schema, TargetTransform};

impl FittedPipeline {
    /// All that it computes, from the columns of [`FittedPipeline::input`] to its answers, as a
    /// graph of operators.
    ///
    /// The inputs are those columns by name, one column each. The outputs are `label` with the
    /// word of the most probable class and `probabilities` with a column for each, or `label` with
    /// a number on the scale of the data; where a column has such a name, `_2` is added to it.
    ///
    /// # Errors
    /// [`Error::NoForm`] naming the step, or the part of one, that has none.
    pub fn express(&self) -> Result<Program> {
        let graph = Graph::new();
        let fields = self.input().fields().iter();
        let mut columns: Vec<Wire> = fields
            .map(|field| Ok(graph.input(&field.name, Kind::of(field.semantic)?)))
            .collect::<Result<_>>()?;
        for step in self.steps() {
            graph.begin(step.kind());
            columns = step.express(&graph, &columns)?;
            same_wires(step.kind(), step.output(), &columns)?;
        }
        let last = self.steps().last().map_or(self.input(), |step| step.output());
        let features = last.fields().iter().zip(columns).filter(|(field, _)| field.is_feature());
        let features: Vec<Wire> = features.map(|(_, column)| column).collect();
        graph.begin(self.model().kind());
        let answers = self.model().express(&graph, &features)?;
        graph.begin("answer");
        self.express_answers(&graph, answers);
        graph.finish()
    }

    fn express_answers(&self, graph: &Graph, answers: Answers) {
        match (answers, &self.target().labels) {
            (Answers::Probabilities(shares), Some(labels)) => {
                let place = graph.place_of_greatest(shares);
                graph.output("label", graph.word_at(labels.names(), place));
                graph.output("probabilities", shares);
            }
            (Answers::Probabilities(shares), None) => {
                graph.output("label", graph.columns(shares, &[0]));
            }
            (Answers::Values(values), _) => graph.output(
                "label",
                match self.target().transform {
                    TargetTransform::None => values,
                    TargetTransform::Log => graph.exp(values),
                },
            ),
        }
    }
}

/// Refuses columns of a step's graph that are not those of its rows.
fn same_wires(kind: &str, output: &Schema, columns: &[Wire]) -> Result<()> {
    let wanted = output.fields().iter().map(|field| Kind::of(field.semantic));
    let wanted = wanted.collect::<Result<Vec<_>>>()?;
    if columns.iter().map(|column| column.kind()).eq(wanted) {
        return Ok(());
    }
    Err(Error::Bug(format!("step `{kind}` was written down with other columns than it gives")))
}
