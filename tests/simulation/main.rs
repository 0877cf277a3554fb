//! The seeded simulation: the real balancer on a virtual clock, among servers that are unequal, slow, frozen, failing
//! or restarting, and beside other policies that meet the very same requests.
//!
//! Nothing here sleeps, listens or reads a clock. A failing test names its scenario and seed; with them in
//! `EVENER_SIM_SCENARIO` and `EVENER_SIM_SEED` only that one runs again. The table of all scenarios and policies:
//!
//! ```text
//! cargo test -p evener-balance --test simulation -- --ignored --nocapture table
//! ```

mod behaviour;
mod comparison;
mod demand;
mod figures;
mod policy;
mod replay;
mod run;
mod scenario;
mod server;
mod table;
mod world;
