//! Look-up tables of what an operator configured.

use std::collections::HashMap;

/// A table whose keys the operator chose. Clients choose what is looked up, never what is in it: a hash that stands against chosen
/// keys would protect nothing, and costs half of a look-up.
pub type Table<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
