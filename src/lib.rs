//! firedrill rehearses AWS Network Firewall: it loads the policy that will be deployed, replays captured traffic through
//! the two engines of the firewall, and says packet by packet what would happen and why.

pub mod app;
pub mod capture;
pub mod cli;
pub mod defrag;
pub mod detect;
pub mod engine;
pub mod flow;
pub mod packet;
pub mod policy;
pub mod report;
pub mod rules;
pub mod source;
pub mod stateless;
pub mod stream;
pub mod synth;
pub mod verdict;
