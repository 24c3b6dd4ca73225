//! The steps that have no form in ONNX, whatever they were told.

/// A step without a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WithoutForm {
    /// Its name in a pipeline file.
    pub kind: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// All steps of the catalog that have no form in ONNX; `docs/onnx.md` says the same, and a test
/// holds both against the catalog.
pub const WITHOUT_FORM: [WithoutForm; 9] = [
    WithoutForm { kind: "count_words", reason: TOKENS },
    WithoutForm { kind: "difference", reason: OTHER_ROWS },
    WithoutForm { kind: "hash", reason: "no operator computes its hash of a word" },
    WithoutForm { kind: "hash_text", reason: TOKENS },
    WithoutForm { kind: "lag", reason: OTHER_ROWS },
    WithoutForm { kind: "pixels", reason: IMAGES },
    WithoutForm { kind: "rolling", reason: OTHER_ROWS },
    WithoutForm { kind: "tfidf", reason: TOKENS },
    WithoutForm { kind: "time_since", reason: OTHER_ROWS },
];

const TOKENS: &str = "texts are cut into words by Unicode's rules, for which there is no operator";
const IMAGES: &str = "the operator that decodes images belongs to no runtime's usual set";
const OTHER_ROWS: &str = "it looks at earlier rows, which a request does not bring";
