//! From a graph to bytes.

use prost::Message;

use gristmill_core::graph::{Attribute, Constant, Domain, Kind, Numbers, Operation, Port, Program};

use crate::proto::{
    AttributeProto, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetId, StringEntry,
    TensorProto, TensorShape, TensorType, TypeProto, ValueInfo, attribute, element,
};
use crate::{Error, IR_VERSION, LEARNING_OPSET, OPSET, Result, sound};

/// The largest message that readers of protobuf take.
const MOST_BYTES: usize = (1 << 31) - 1;

/// What a file says of its model besides the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// What the graph is called.
    pub name: String,
    /// The version of the program that writes it.
    pub version: String,
    /// What a person should know.
    pub description: String,
    /// Further facts by name.
    pub facts: Vec<(String, String)>,
}

/// The file with this graph.
///
/// # Errors
/// [`Error::Unsound`] when the graph contradicts itself; [`Error::TooLarge`] beyond 2 GiB.
///
/// ```
/// # use gristmill_core::graph::{Graph, Kind};
/// # use gristmill_onnx::{About, encode};
/// let graph = Graph::new();
/// let x = graph.single(graph.input("x", Kind::Numbers));
/// graph.output("square", graph.multiply(x, x));
/// let bytes = encode(&graph.finish()?, &About::default())?;
/// assert_eq!(bytes[..2], [8, 10], "field 1 is the IR version");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode(program: &Program, about: &About) -> Result<Vec<u8>> {
    sound::check(program)?;
    let model = model(program, about);
    let bytes = model.encoded_len();
    if bytes > MOST_BYTES {
        return Err(Error::TooLarge { bytes, most: MOST_BYTES });
    }
    Ok(model.encode_to_vec())
}

fn model(program: &Program, about: &About) -> ModelProto {
    let opset = |domain: &str, version| OperatorSetId { domain: domain.into(), version };
    let entry =
        |(key, value): &(String, String)| StringEntry { key: key.clone(), value: value.clone() };
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "gristmill".into(),
        producer_version: about.version.clone(),
        doc_string: about.description.clone(),
        graph: Some(GraphProto {
            name: about.name.clone(),
            node: program.operations.iter().map(node).collect(),
            initializer: program.constants.iter().map(|(name, c)| tensor(name, c)).collect(),
            input: program.inputs.iter().map(value_info).collect(),
            output: program.outputs.iter().map(value_info).collect(),
        }),
        opset_import: vec![
            opset(domain(Domain::Tensors), OPSET),
            opset(domain(Domain::Learning), LEARNING_OPSET),
        ],
        metadata_props: about.facts.iter().map(entry).collect(),
    }
}

fn domain(domain: Domain) -> &'static str {
    match domain {
        // The domain of `ai.onnx` is written as none.
        Domain::Tensors => "",
        Domain::Learning => "ai.onnx.ml",
    }
}

fn node(operation: &Operation) -> NodeProto {
    NodeProto {
        input: operation.inputs.clone(),
        output: operation.outputs.clone(),
        name: operation.name.clone(),
        op_type: operation.operator.into(),
        attribute: operation.attributes.iter().map(|(name, a)| attribute_proto(name, a)).collect(),
        domain: domain(operation.domain).into(),
    }
}

fn attribute_proto(name: &str, value: &Attribute) -> AttributeProto {
    let mut proto = AttributeProto { name: name.into(), ..AttributeProto::default() };
    proto.r#type = match value {
        Attribute::Integer(number) => {
            proto.i = Some(*number);
            attribute::INTEGER
        }
        Attribute::Integers(numbers) => {
            proto.ints.clone_from(numbers);
            attribute::INTEGERS
        }
        Attribute::Word(word) => {
            proto.s = Some(word.clone().into_bytes());
            attribute::WORD
        }
        Attribute::Words(words) => {
            proto.strings = bytes(words);
            attribute::WORDS
        }
        Attribute::Constant(constant) => {
            proto.t = Some(tensor(name, constant));
            attribute::TENSOR
        }
    };
    proto
}

fn tensor(name: &str, constant: &Constant) -> TensorProto {
    let raw = |data_type, raw: Vec<u8>| TensorProto {
        name: name.into(),
        dims: constant.shape.iter().map(|&length| length as i64).collect(),
        data_type,
        raw_data: Some(raw),
        string_data: Vec::new(),
    };
    match &constant.numbers {
        Numbers::F64(v) => raw(element::F64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::I64(v) => raw(element::I64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::U8(v) => raw(element::U8, v.clone()),
        Numbers::Words(words) => TensorProto {
            string_data: bytes(words),
            raw_data: None,
            ..raw(element::WORD, Vec::new())
        },
    }
}

fn bytes(words: &[String]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.clone().into_bytes()).collect()
}

fn value_info(port: &Port) -> ValueInfo {
    let elem_type = match port.kind {
        Kind::Numbers => element::F64,
        Kind::Integers => element::I64,
        Kind::Words => element::WORD,
        Kind::Truths => element::TRUTH,
    };
    let rows = Dimension { dim_value: None, dim_param: Some("rows".into()) };
    let width = Dimension { dim_value: Some(port.width as i64), dim_param: None };
    let shape = Some(TensorShape { dim: vec![rows, width] });
    ValueInfo {
        name: port.name.clone(),
        r#type: Some(TypeProto { tensor_type: Some(TensorType { elem_type, shape }) }),
    }
}

#[cfg(test)]
mod tests {
    use gristmill_core::graph::Graph;

    use super::*;

    /// The file of a graph, read back.
    fn read_back(graph: Graph) -> ModelProto {
        let about = About {
            name: "small".into(),
            facts: vec![("gristmill.target".into(), "y".into())],
            ..About::default()
        };
        let bytes = encode(&graph.finish().unwrap(), &about).unwrap();
        ModelProto::decode(bytes.as_slice()).unwrap()
    }

    fn small() -> Graph {
        let graph = Graph::new();
        let words = graph.single(graph.input("w", Kind::Words));
        graph.begin("ordinal");
        let codes = graph.number_of_word(words, [("a", 1.0), ("b", 2.0)], -1.0, 0.5).unwrap();
        graph.output("label", graph.remainder(graph.to_integers(codes), graph.integer(3)));
        graph
    }

    #[test]
    fn a_file_says_its_versions_and_its_facts() {
        let model = read_back(small());
        assert_eq!((model.ir_version, model.producer_name.as_str()), (10, "gristmill"));
        let opsets: Vec<_> =
            model.opset_import.iter().map(|o| (o.domain.as_str(), o.version)).collect();
        assert_eq!(opsets, [("", 21), ("ai.onnx.ml", 5)]);
        assert_eq!(model.metadata_props[0].key, "gristmill.target");
    }

    #[test]
    fn ports_have_a_row_for_each_question() {
        let graph = read_back(small()).graph.unwrap();
        let tensor = graph.input[0].r#type.clone().unwrap().tensor_type.unwrap();
        assert_eq!((graph.input[0].name.as_str(), tensor.elem_type), ("w", element::WORD));
        let dims = tensor.shape.unwrap().dim;
        assert_eq!((dims[0].dim_param.as_deref(), dims[1].dim_value), (Some("rows"), Some(1)));
        let tensor = graph.output[0].r#type.clone().unwrap().tensor_type.unwrap();
        assert_eq!(tensor.elem_type, element::I64);
    }

    #[test]
    fn attributes_have_their_types_and_zeros_are_written() {
        let graph = read_back(small()).graph.unwrap();
        let encoder = &graph.node[0];
        assert_eq!(
            (encoder.op_type.as_str(), encoder.domain.as_str()),
            ("LabelEncoder", "ai.onnx.ml")
        );
        assert_eq!(encoder.name, "ordinal/LabelEncoder_0");
        let keys = &encoder.attribute[0];
        assert_eq!((keys.name.as_str(), keys.r#type), ("keys_strings", attribute::WORDS));
        assert_eq!(keys.strings, [b"a".to_vec(), b"b".to_vec(), Vec::new()]);
        let values = encoder.attribute[1].t.clone().unwrap();
        let numbers: Vec<u8> = [1.0f64, 2.0, -1.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        assert_eq!((values.data_type, values.dims), (element::F64, vec![3]));
        assert_eq!(values.raw_data.unwrap(), numbers);
        let modulo = graph.node.iter().find(|node| node.op_type == "Mod").unwrap();
        assert_eq!(modulo.attribute[0].i, Some(0), "`fmod` of integers");
    }

    #[test]
    fn equal_graphs_are_equal_bytes() {
        let bytes = || encode(&small().finish().unwrap(), &About::default()).unwrap();
        assert_eq!(bytes(), bytes());
    }
}
