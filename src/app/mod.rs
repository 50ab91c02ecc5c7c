//! Assembly: the only module that sees all the layers below it.

pub mod batch;
pub mod entries;
pub mod inspect;
pub mod load;
