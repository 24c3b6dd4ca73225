//! What is computed number by number, and along a row.

use super::build::Given;
use super::program::{Attribute, Domain, Numbers};
use super::{Graph, Kind, RowCount, Value};

const TENSORS: Domain = Domain::Tensors;

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident $operator:literal $given:ident;)*) => {
        /// Of two tables column by column; one column stands for all of them.
        impl Graph {$(
            $(#[$doc])*
            pub fn $name(&self, a: Value, b: Value) -> Value {
                self.binary($operator, a, b, binary!(@kind $given a))
            }
        )*}
    };
    (@kind same $a:ident) => { $a.kind };
    (@kind truths $a:ident) => { Kind::Truths };
}

binary! {
    /// a + b.
    add "Add" same;
    /// a − b.
    subtract "Sub" same;
    /// a · b.
    multiply "Mul" same;
    /// a / b; of integers cut toward 0.
    divide "Div" same;
    /// a to the power of b.
    power "Pow" same;
    /// Whether a = b; false where a number is missing.
    equal "Equal" truths;
    /// Whether a < b; false where a number is missing.
    less "Less" truths;
    /// Whether a ≤ b; false where a number is missing.
    at_most "LessOrEqual" truths;
    /// Whether both are true.
    both "And" truths;
    /// Whether one is true.
    either "Or" truths;
}

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident $operator:literal $given:ident;)*) => {
        /// Element by element.
        impl Graph {$(
            $(#[$doc])*
            pub fn $name(&self, a: Value) -> Value {
                self.unary($operator, a, binary!(@kind $given a))
            }
        )*}
    };
}

unary! {
    /// −a.
    negate "Neg" same;
    /// |a|.
    absolute "Abs" same;
    /// eᵃ.
    exp "Exp" same;
    /// ln a.
    ln "Log" same;
    /// √a.
    root "Sqrt" same;
    /// The greatest whole number that is not above a.
    floor "Floor" same;
    /// The least whole number that is not below a.
    ceil "Ceil" same;
    /// −1, 0 or 1.
    sign "Sign" same;
    /// The hyperbolic tangent of a.
    tanh "Tanh" same;
    /// The sine of a.
    sin "Sin" same;
    /// Whether a is false.
    not "Not" truths;
}

impl Graph {
    fn unary(&self, operator: &'static str, a: Value, kind: Kind) -> Value {
        let given = Given { kind, width: a.width, rows: a.rows };
        self.operation((TENSORS, operator), &[a], Vec::new(), given)
    }

    fn binary(&self, operator: &'static str, a: Value, b: Value, kind: Kind) -> Value {
        self.combined((operator, Vec::new()), a, b, kind)
    }

    fn combined(
        &self,
        (operator, attributes): (&'static str, Vec<(&'static str, Attribute)>),
        a: Value,
        b: Value,
        kind: Kind,
    ) -> Value {
        if a.kind != b.kind || !(a.width == b.width || a.width == 1 || b.width == 1) {
            self.mistaken(|| format!("`{operator}` was given {a:?} and {b:?}"));
        }
        let given = Given { kind, width: a.width.max(b.width), rows: a.rows.with(b.rows) };
        self.operation((TENSORS, operator), &[a, b], attributes, given)
    }

    /// What is left of a / b: with the sign of b for integers, with that of a for numbers.
    pub fn remainder(&self, a: Value, b: Value) -> Value {
        let by_sign_of_a = i64::from(a.kind == Kind::Numbers);
        let attributes = vec![("fmod", Attribute::Integer(by_sign_of_a))];
        self.combined(("Mod", attributes), a, b, a.kind)
    }

    /// The greatest integer that is not above a / b, for integers and b above 0.
    pub fn floor_divide(&self, a: Value, b: i64) -> Value {
        let b = self.integer(b);
        self.divide(self.subtract(a, self.remainder(a, b)), b)
    }

    /// Whether a is missing: NaN, no word, no moment.
    pub fn is_missing(&self, a: Value) -> Value {
        match a.kind {
            Kind::Numbers => self.unary("IsNaN", a, Kind::Truths),
            Kind::Words => self.equal(a, self.word("")),
            Kind::Integers => self.equal(a, self.integer(crate::MISSING_TIME)),
            Kind::Truths => self.both(a, self.not(a)),
        }
    }

    /// a where `condition` is true, b elsewhere.
    pub fn choose(&self, condition: Value, a: Value, b: Value) -> Value {
        let width = condition.width.max(a.width).max(b.width);
        let fit = [condition, a, b].iter().all(|v| v.width == width || v.width == 1);
        if condition.kind != Kind::Truths || a.kind != b.kind || !fit {
            self.mistaken(|| format!("`Where` was given {condition:?}, {a:?} and {b:?}"));
        }
        let rows = condition.rows.with(a.rows).with(b.rows);
        let given = Given { kind: a.kind, width, rows };
        self.operation((TENSORS, "Where"), &[condition, a, b], Vec::new(), given)
    }

    /// a, but at least `low` and at most `high`; missing where a is.
    pub fn clamp(&self, a: Value, low: Value, high: Value) -> Value {
        let above = self.choose(self.less(a, low), low, a);
        self.choose(self.less(high, above), high, above)
    }

    /// The greater of two numbers; b where a is missing.
    pub fn greater_of(&self, a: Value, b: Value) -> Value {
        self.choose(self.at_most(b, a), a, b)
    }

    /// 1 for true and 0 for false; integers as numbers.
    pub fn to_numbers(&self, a: Value) -> Value {
        if a.kind == Kind::Numbers {
            return a;
        }
        self.cast(a, Kind::Numbers)
    }

    /// Numbers cut toward 0; 1 for true and 0 for false.
    pub fn to_integers(&self, a: Value) -> Value {
        self.cast(a, Kind::Integers)
    }

    fn cast(&self, a: Value, kind: Kind) -> Value {
        // The numbers of types in ONNX's TensorProto.
        let to = match kind {
            Kind::Numbers => 11,
            Kind::Integers => 7,
            Kind::Words => 8,
            Kind::Truths => 9,
        };
        let given = Given { kind, width: a.width, rows: a.rows };
        self.operation((TENSORS, "Cast"), &[a], vec![("to", Attribute::Integer(to))], given)
    }

    /// ln(1 + a), exact also where a is small.
    /// Method: Goldberg, *What Every Computer Scientist Should Know About Floating-Point
    /// Arithmetic*, 1991, theorem 4.
    pub fn ln_1p(&self, a: Value) -> Value {
        let one = self.number(1.0);
        let sum = self.add(a, one);
        let exact = self.divide(self.multiply(a, self.ln(sum)), self.subtract(sum, one));
        self.choose(self.equal(sum, one), a, exact)
    }

    /// eᵃ − 1, exact also where a is small.
    /// Method: Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, section 1.14.1.
    pub fn exp_m1(&self, a: Value) -> Value {
        let (one, half) = (self.number(1.0), self.number(0.5));
        let power = self.exp(a);
        let less = self.subtract(power, one);
        let exact = self.divide(self.multiply(less, a), self.ln(power));
        let near = self.less(self.absolute(a), half);
        let near = self.choose(near, exact, less);
        self.choose(self.equal(power, one), a, near)
    }

    /// 1 / (1 + e⁻ᵃ).
    pub fn logistic(&self, a: Value) -> Value {
        let one = self.number(1.0);
        self.divide(one, self.add(one, self.exp(self.negate(a))))
    }

    /// eᵃ divided by its sum over the row.
    pub fn softmax(&self, a: Value) -> Value {
        let shares = self.exp(self.subtract(a, self.greatest(a)));
        self.divide(shares, self.sum(shares))
    }

    /// The probabilities of two classes of which the second has these.
    pub fn two_classes(&self, second: Value) -> Value {
        self.join(&[self.subtract(self.number(1.0), second), second])
    }

    /// The sum of each row.
    pub fn sum(&self, a: Value) -> Value {
        self.along("ReduceSum", a)
    }

    /// The greatest number of each row.
    pub fn greatest(&self, a: Value) -> Value {
        self.along("ReduceMax", a)
    }

    fn along(&self, operator: &'static str, a: Value) -> Value {
        let axis = self.constant(Numbers::I64(vec![1]), &[1]);
        let keep = vec![("keepdims", Attribute::Integer(1))];
        let given = Given { kind: a.kind, width: 1, rows: a.rows };
        self.operation((TENSORS, operator), &[a, axis], keep, given)
    }

    /// The sums of each row up to each place.
    pub fn running_sum(&self, a: Value) -> Value {
        let axis = self.constant(Numbers::I64(vec![1]), &[]);
        let given = Given { kind: a.kind, width: a.width, rows: a.rows };
        self.operation((TENSORS, "CumSum"), &[a, axis], Vec::new(), given)
    }

    /// a times a matrix that has a row for each column of a, `[a.width, width]`, row after row.
    pub fn times(&self, a: Value, matrix: &[f64], width: usize) -> Value {
        if matrix.len() != a.width * width {
            self.mistaken(|| format!("{a:?} was multiplied with {} numbers", matrix.len()));
        }
        let matrix = self.constant(Numbers::F64(matrix.to_vec()), &[a.width, width]);
        let given = Given { kind: Kind::Numbers, width, rows: a.rows };
        self.operation((TENSORS, "MatMul"), &[a, matrix], Vec::new(), given)
    }

    /// The number 0 for each row that is asked about.
    pub fn zeros(&self) -> Value {
        self.spread(self.number(0.0))
    }

    /// Whether `a` has one row for all.
    pub(super) fn is_one_row(a: Value) -> bool {
        a.rows == RowCount::One
    }
}
