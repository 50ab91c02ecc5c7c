//! How much something wrong matters, whether it is said of one input or of a set.

/// The levels, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The input is refused, as Consul refuses it.
    Error,
    /// Consul takes the input and then chokes on it, or does what nobody means.
    Finding,
    /// Worth knowing.
    Warning,
}
