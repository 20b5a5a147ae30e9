use super::*;
use crate::policy::yaml;
use crate::source::Sources;
