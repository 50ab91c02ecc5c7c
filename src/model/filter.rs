//! Filters.
use crate::id::ServiceName;
use crate::model::service::Instance;
/// temp
#[derive(Clone, Debug)]
pub struct Filter;
/// temp
#[derive(Clone, Debug, thiserror::Error)]
#[error("x")]
pub struct FilterError;
impl Filter {
    /// temp
    pub fn parse(_text: &str) -> Result<Self, FilterError> {
        Ok(Self)
    }
    /// temp
    pub fn matches(&self, _service: &ServiceName, _instance: &Instance) -> bool {
        true
    }
}
