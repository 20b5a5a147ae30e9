//! The Suricata rule language: text to syntax tree with places, and back. No packets, no evaluation.

pub mod ast;
pub mod keyword;
