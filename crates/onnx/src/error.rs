//! Why a graph is no ONNX file.

/// The result of writing a graph.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a graph was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The graph contradicts itself: a mistake of whoever wrote it down.
    #[error("the graph is not sound: {0}")]
    Unsound(String),
    /// The file would be larger than a protobuf message may be.
    #[error("the model would take {bytes} bytes, and an ONNX file may have {most}")]
    TooLarge {
        /// How many it would take.
        bytes: usize,
        /// How many there may be.
        most: usize,
    },
}
