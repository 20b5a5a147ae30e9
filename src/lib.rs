//! firedrill rehearses AWS Network Firewall: it loads the policy that will be deployed, replays captured traffic through
//! the two engines of the firewall, and says packet by packet what would happen and why.

pub mod source;
pub mod verdict;
pub mod capture;
pub mod packet;
pub mod rules;
pub mod policy;
pub mod stateless;
pub mod defrag;
pub mod flow;
pub mod stream;
pub mod app;
pub mod detect;
pub mod engine;
pub mod check;
pub mod export;
pub mod synth;
pub mod report;
pub mod suite;
pub mod diff;
pub mod explain;
pub mod verify;
pub mod cli;
