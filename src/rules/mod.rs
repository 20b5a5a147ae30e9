//! tmp
pub mod ast;
pub mod keyword;
pub(crate) mod near;
mod protocol;
pub mod ranges;
use crate::source::*;
pub use protocol::Protocol;
/// t
pub fn parse_address(_: &MappedText) -> Result<Spanned<ast::AddressExpr>, Vec<Diagnostic>> {
    Err(vec![])
}
/// t
pub fn parse_port(_: &MappedText) -> Result<Spanned<ast::PortExpr>, Vec<Diagnostic>> {
    Err(vec![])
}
/// t
#[derive(Debug)]
pub struct P {
    #[allow(missing_docs)]
    pub rules: Vec<ast::Rule>,
    #[allow(missing_docs)]
    pub diagnostics: Vec<Diagnostic>,
}
/// t
pub fn parse_rules(_: &MappedText) -> P {
    P { rules: vec![], diagnostics: vec![] }
}
